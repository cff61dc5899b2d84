import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { restore } from "../../../scripts/lib/restore/run.ts";
import { fakeCluster, part, type FakeCluster, type Thing, type Things } from "./fake-cluster.ts";

let box: string;
let file: string;
beforeEach(() => {
  box = mkdtempSync(join(tmpdir(), "restore-"));
  file = join(box, "Pulumi.shop.yaml");
  writeFileSync(
    file,
    "config:\n  platform:prefix: hc\n  platform:host:\n    address: 192.0.2.1\n    hostKey: ssh-ed25519 AAAA\n",
  );
});
afterEach(() => {
  rmSync(box, { recursive: true, force: true });
});

const scaled = (replicas: number): Thing => ({ metadata: {}, spec: { replicas } });
const container = { name: "postgres", env: [], resources: { limits: { memory: "1Gi" } }, volumeMounts: [] };
const pod = { containers: [container], volumes: [{ name: "restored" }] };
const cron = (namespace: string, name: string, suspend = false): Thing => ({
  metadata: { namespace, name },
  spec: {
    suspend,
    jobTemplate: { spec: { template: { metadata: { labels: { app: name } }, spec: pod } } },
  },
});
const claim: Thing = { metadata: {}, spec: { resources: { requests: { storage: "20Gi" } } } };

/** A stack with backups that serves, with the pods' own lives left to `settle`. */
const serving = (): Things =>
  new Map<string, Thing>([
    ["hc-app/deployment/api", scaled(2)],
    ["hc-app/deployment/worker", scaled(1)],
    ["hc-data/deployment/pgbouncer", scaled(2)],
    ["hc-data/deployment/backup-keeper", scaled(1)],
    ["hc-data/statefulset/postgres", { ...scaled(1), spec: { replicas: 1, template: { spec: pod } } }],
    ["hc-data/cronjob/backup", cron("hc-data", "backup")],
    ["hc-data/cronjob/vacuum", cron("hc-data", "vacuum", true)],
    ["hc-drill/cronjob/restore-drill", cron("hc-drill", "restore-drill")],
    ["hc-drill/persistentvolumeclaim/drill-restored", claim],
  ]);

interface Behaviour {
  readonly things?: Things;
  readonly check?: string;
  readonly job?: "succeeded" | "failed";
  readonly scratch?: "ready" | "failed";
}

const cluster = ({
  things = serving(),
  check,
  job = "succeeded",
  scratch = "ready",
}: Behaviour): FakeCluster =>
  fakeCluster({
    things,
    failing: scratch === "failed",
    exec: (script) => {
      if (check !== undefined && script.includes("restore-check.sh")) throw new Error(check);
      return "restore-check: the key opens it\n";
    },
    settle: (now) => {
      const server = now.get("hc-data/statefulset/postgres") ?? {};
      const running = part(server, "spec")["replicas"] === 1;
      server["status"] = { readyReplicas: running ? 1 : 0 };
      if (running) now.set("hc-data/pod/postgres-0", {});
      else now.delete("hc-data/pod/postgres-0");
      const work = now.get("hc-data/job/restore-in-place");
      if (work !== undefined) work["status"] = { [job]: 1 };
      const copy = now.get("hc-drill/pod/restore-scratch");
      if (copy !== undefined)
        copy["status"] =
          scratch === "ready"
            ? { phase: "Running", containerStatuses: [{ ready: true }] }
            : { phase: "Failed" };
    },
  });

interface Outcome {
  readonly said: string;
  readonly error: string | undefined;
  readonly opened: boolean;
}

const run = async (fake: FakeCluster, ...argv: readonly string[]): Promise<Outcome> => {
  const said: string[] = [];
  let opened = false;
  const open = (): Promise<FakeCluster["host"]> => {
    opened = true;
    return Promise.resolve(fake.host);
  };
  const error = await restore(["shop", ...argv, "--config-file", file], (line) => said.push(line), {
    open,
    pauseMs: 5,
  }).then(
    () => undefined,
    (reason: unknown) => (reason as Error).message,
  );
  expect(fake.closed).toBe(opened);
  // Whoever still reads a log keeps the program alive.
  await vi.waitFor(() => {
    expect(fake.following.size).toBe(0);
  });
  return { said: said.join("\n"), error, opened };
};

/** What everything that runs or is scheduled looks like. */
const shape = (things: Things): readonly string[] =>
  [...things]
    .filter(([key]) => /deployment|statefulset|cronjob/.test(key))
    .map(([key, thing]) => {
      const { replicas, suspend } = part(thing, "spec");
      const marks = Object.keys(part(part(thing, "metadata"), "annotations")).length;
      return `${key} ${String(replicas ?? suspend)} ${String(marks)}`;
    });

describe("restore in place", () => {
  it.each([
    [[], "--overwrite: missing; it takes the prefix of the stack whose database is to be replaced"],
    [["--overwrite", "yes"], `--overwrite: "yes" is not the prefix of shop; its database stays as it is`],
    [
      ["--overwrite", "hc-prod"],
      `--overwrite: "hc-prod" is not the prefix of shop; its database stays as it is`,
    ],
    [["--overwrite", ""], `--overwrite: "" is not the prefix of shop; its database stays as it is`],
  ])("with %j does not even reach the host", async (flags, message) => {
    const fake = cluster({});
    expect(await run(fake, "in-place", ...flags)).toEqual({ said: "", error: message, opened: false });
    expect(fake.calls).toEqual([]);
  });

  it("stops nothing when the backup cannot be read", async () => {
    const fake = cluster({
      check: "restore-check: refused: the encryption key is not the one of this backup",
    });
    const before = shape(fake.things);
    const { error } = await run(fake, "in-place", "--overwrite", "hc");
    expect(error).toBe("restore-check: refused: the encryption key is not the one of this backup");
    expect(shape(fake.things)).toEqual(before);
    expect(fake.calls).toHaveLength(1);
  });

  it("stops application, pooler and database in this order, and lets them go on the other way round", async () => {
    const fake = cluster({});
    const before = shape(fake.things);
    const { said, error } = await run(
      fake,
      "in-place",
      "--overwrite",
      "hc",
      "--to-time",
      "2026-01-02T03:04:05Z",
    );
    expect(error).toBeUndefined();
    expect(fake.calls.filter((call) => /^(scale|create)/.test(call))).toEqual([
      "scale hc-app/deployment/api --replicas=0",
      "scale hc-app/deployment/worker --replicas=0",
      "scale hc-data/deployment/pgbouncer --replicas=0",
      "scale hc-data/deployment/backup-keeper --replicas=0",
      "scale hc-data/statefulset/postgres --replicas=0",
      "create Job",
      "scale hc-data/statefulset/postgres --replicas=1",
      "scale hc-data/deployment/backup-keeper --replicas=1",
      "scale hc-data/deployment/pgbouncer --replicas=2",
      "scale hc-app/deployment/worker --replicas=1",
      "scale hc-app/deployment/api --replicas=2",
    ]);
    expect(shape(fake.things)).toEqual(before);
    expect(said).toContain("replacing the database of shop by LATEST as of 2026-01-02T03:04:05Z");
    expect(said).toContain("  restore-in-place: backup base_x, 7 MiB");
    expect(said).not.toContain("LOG: starting");
    expect(said.split("\n").at(-1)).toBe("done");
    expect(fake.things.has("hc-data/job/restore-in-place")).toBe(false);
  });

  it("waits for the pods of an earlier restore before it begins another", async () => {
    const fake = cluster({});
    await run(fake, "in-place", "--overwrite", "hc");
    const removed = fake.calls.findIndex((call) => call.startsWith("delete hc-data/job/restore-in-place"));
    expect(fake.calls[removed]).toContain("--cascade=foreground");
    expect(removed).toBeLessThan(fake.calls.indexOf("create Job"));
  });

  it("that fails lets the old database go on, and says where to look", async () => {
    const fake = cluster({ job: "failed" });
    const before = shape(fake.things);
    const { said, error } = await run(fake, "in-place", "--overwrite", "hc");
    expect(said).toContain("the restore failed; the database that was there goes on");
    expect(error).toBe("nothing was replaced; see: kubectl -n hc-data logs job/restore-in-place");
    expect(shape(fake.things)).toEqual(before);
    expect(fake.things.has("hc-data/job/restore-in-place")).toBe(true);
  });

  it("takes up a run that was cut off, and brings back the numbers from before that one", async () => {
    const fake = cluster({});
    const before = shape(fake.things);
    const things = fake.things;
    for (const [key, thing] of things)
      if (/deployment|statefulset/.test(key)) {
        const spec = part(thing, "spec");
        const count = String(spec["replicas"]);
        thing["metadata"] = { annotations: { "platform.internal/replicas-before-restore": count } };
        thing["spec"] = { ...spec, replicas: 0 };
      }
    const { said, error } = await run(fake, "in-place", "--overwrite", "hc");
    expect(error).toBeUndefined();
    expect(said).toContain("an earlier run was cut off");
    expect(shape(things)).toEqual(before);
  });

  it("names what is missing where there are no backups", async () => {
    const things = serving();
    things.delete("hc-data/cronjob/backup");
    const { error } = await run(cluster({ things }), "in-place", "--overwrite", "hc");
    expect(error).toBe("hc-data: there is no cronjob/backup; this stack has no data.backup");
  });
});

describe("restore scratch", () => {
  it("touches nothing of the running database, and says how to look into the copy", async () => {
    const fake = cluster({});
    const before = shape(fake.things);
    const { said, error } = await run(fake, "scratch");
    expect(error).toBeUndefined();
    expect(fake.calls).toEqual(["create Pod"]);
    expect(shape(fake.things)).toEqual(before);
    expect(said).toContain(
      "k3s kubectl -n hc-drill exec -it restore-scratch -- psql -h /tmp -U postgres userdb",
    );
  });

  it("never takes the place of a copy that somebody works with", async () => {
    const fake = cluster({});
    await run(fake, "scratch");
    expect((await run(cluster({ things: fake.things }), "scratch")).error).toBe(
      "hc-drill: there is a restore-scratch already; remove it first: ... scratch --remove",
    );
  });

  it("that fails says so and leaves its log", async () => {
    const fake = cluster({ scratch: "failed" });
    const { said, error } = await run(fake, "scratch");
    expect(said).toContain("  restore-in-place: backup base_x, 7 MiB");
    expect(error).toBe(
      "the restore failed, see above; look at it with: kubectl -n hc-drill logs restore-scratch",
    );
  });

  it("is removed by name", async () => {
    const fake = cluster({});
    await run(fake, "scratch");
    const after = cluster({ things: fake.things });
    const { said } = await run(after, "scratch", "--remove");
    expect(said).toBe("removed hc-drill/restore-scratch and what was restored in it");
    expect(after.things.has("hc-drill/pod/restore-scratch")).toBe(false);
  });

  it("needs the namespace of the drill", async () => {
    const things = serving();
    things.delete("hc-drill/cronjob/restore-drill");
    const { error } = await run(cluster({ things }), "scratch");
    expect(error).toBe(
      "hc-drill: there is no cronjob/restore-drill; scratch restores run in the namespace of the drill: set data.backup.drill.enabled and run pulumi up",
    );
  });
});

describe("restore list", () => {
  it("shows what the script of the keeper says", async () => {
    const fake = cluster({});
    expect((await run(fake, "list")).said).toBe("restore-check: the key opens it");
    expect(fake.calls).toEqual([
      "exec hc-data/deployment/backup-keeper -- env bash /etc/platform/postgres/list.sh",
    ]);
  });
});
