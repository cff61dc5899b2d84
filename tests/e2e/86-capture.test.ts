import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { appFlows, appLayout } from "../../components/app/index.ts";
import { dragonflyFlows, dragonflyPort, redisFlows, redisPort } from "../../components/cache/index.ts";
import { pgbouncerFlows, pgbouncerPort, postgresFlows, postgresPort } from "../../components/data/index.ts";
import { edgeFlows } from "../../components/ingress/index.ts";
import { store } from "../../rig/services.ts";
import { holding, packets, type Packet } from "./capture.ts";
import { execute, host, kubectl, namespace, platformHost, request, sql, until } from "./support.ts";

/** What can be read on the wires of the host while patient data is written, read, queued, archived and backed up. */

const seconds = 60;
const prefix = "hc-local";
/** Made anew for each run, and a tenant's name too, so that it also travels to the cache. */
const canary = `canary-${randomUUID()}`;
/** Sent in clear on purpose, by which the capture and the search prove that they see such a thing. */
const control = `control-${randomUUID()}`;

const flows = [
  ...appFlows({
    prefix,
    workerEnabled: true,
    database: postgresPort,
    pooler: pgbouncerPort,
    caches: [dragonflyPort, redisPort("queue")],
  }),
  postgresFlows(prefix),
  pgbouncerFlows(prefix, true),
  dragonflyFlows(prefix),
  redisFlows(prefix, "queue", true),
  edgeFlows(prefix, appLayout.apiTlsPort),
];
/** Where the list of flows admits that patient data passes in clear: nowhere. */
const admitted = flows.flatMap(({ listens }) =>
  listens.filter(({ encrypted, carriesPhi }) => carriesPhi && !encrypted).map(({ port }) => port),
);

const directory = mkdtempSync(join(tmpdir(), "capture-"));
let seen: readonly Packet[] = [];
let report = "";
let written = 0;

/** Writes and reads by the ingress: database through the pooler, cache, queue. */
const patientData = async (): Promise<void> => {
  const post = (path: string, body: unknown): ReturnType<typeof request> =>
    request(path, "--json", JSON.stringify(body));
  const answers = [
    await post("/visits", { tenant: canary, note: canary }),
    await post("/notifications", { tenant: canary, note: canary }),
    await request(`/visits?tenant=${canary}`),
    await request(`/visits/summary?tenant=${canary}`),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 202, 200, 200]);
  written += 1;
};

/** Plain HTTP to the edge, which answers with a redirect that repeats it. */
const plainTraffic = async (): Promise<void> => {
  const address = await host("ip", platformHost);
  const said = await execute("curl", [
    "--silent",
    "--max-time",
    "10",
    "--output",
    "/dev/null",
    "--write-out",
    "%{redirect_url}",
    `http://${address}/${control}`,
  ]);
  expect(said.stdout).toContain(control);
};

const job = "capture-backup";

beforeAll(async () => {
  const file = join(directory, "packets");
  const state = { running: true };
  const capture = host("capture", platformHost, String(seconds), file).finally(() => (state.running = false));
  await kubectl("-n", namespace.data, "create", "job", job, "--from=cronjob/backup");
  while (state.running) {
    await Promise.all([patientData(), plainTraffic()]);
    await sql("SELECT pg_switch_wal()"); // so that the log of these writes goes to the store at once
  }
  report = await capture;
  seen = packets(readFileSync(file));
}, 240_000);

afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await kubectl("-n", namespace.data, "delete", "job", job, "--ignore-not-found");
});

/** Ports that a program listens on, of those packets; the other end's are arbitrary. */
const services = (some: readonly Packet[], among: readonly number[]): readonly number[] =>
  among.filter((port) => some.some(({ ports }) => ports.includes(port))).toSorted((a, b) => a - b);

describe(`${String(seconds)} s of every packet on every wire of the host`, () => {
  it("miss nothing", () => {
    expect(report).toMatch(/^0 packets dropped by kernel$/m);
    expect(written).toBeGreaterThan(0);
    expect(seen.length).toBeGreaterThan(1000);
  });

  it("hold the traffic of every hop that patient data takes", async () => {
    const storePort = Number(new URL(await store(["url", platformHost])).port);
    const hops = [443, 5432, 6379, 6432, appLayout.apiTlsPort, storePort].toSorted((a, b) => a - b);
    expect(services(seen, hops)).toEqual(hops);
    expect(await sql(`SELECT count(*) FROM visits WHERE note = '${canary}'`)).toBe(String(written));
  });

  it("show what is sent in clear, outside and between pods", () => {
    const found = holding(seen, control);
    expect(services(found, [80, 443, 8000, 8080])).toContain(80);
    // On the host's own wire, and on the one of the pod that answered.
    expect(new Set(found.map(({ wire }) => wire)).size).toBeGreaterThanOrEqual(2);
  });

  it("show patient data nowhere, and the list of flows admits it nowhere", () => {
    expect(holding(seen, canary).map(({ wire, ports }) => ({ wire, ports }))).toEqual([]);
    expect(admitted).toEqual([]);
  });
});

describe("the object store", () => {
  it("has taken the log and a base backup of it meanwhile", async () => {
    await until("the backup to end", 120, async () => {
      const done = await kubectl(
        ...["-n", namespace.data, "get", "job", job, "-o", "jsonpath={.status.succeeded}"],
      );
      return done === "1" ? true : undefined;
    });
  });
});
