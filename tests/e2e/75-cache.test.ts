import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";

import {
  host,
  inPod,
  killPods,
  kubectl,
  namespace,
  onHost,
  platform,
  platformHost,
  request,
  sql,
  until,
  untilHealthy,
} from "./support.ts";

/** Cache and queues on the running platform: who gets in, what happens when they die, what survives. */

const space = namespace.cache;
/** The promise: clients are served again this long after a cache was killed. */
const recoverySeconds = 30;

interface Summary {
  readonly cached: boolean;
}

/** A summary of a tenant, and whether the cache gave it. */
const summary = async (tenant: string): Promise<{ status: number; cached: boolean }> => {
  const { status, body } = await request(`/visits/summary?tenant=${tenant}`);
  return { status, cached: status === 200 && (JSON.parse(body) as Summary).cached };
};

const untilCached = (seconds: number): Promise<true> =>
  until("an answer from the cache", seconds, async () => {
    await summary("clinic-warm");
    return (await summary("clinic-warm")).cached ? true : undefined;
  });

/** The kubelet keeps the record of pods that it ended for a reboot. */
const alive = ["--field-selector", "status.phase=Running"] as const;

const dragonflyPod = (): Promise<string> =>
  kubectl(
    "-n",
    space,
    "get",
    "pods",
    "-l",
    "app.kubernetes.io/name=dragonfly",
    ...alive,
    "-o",
    "jsonpath={.items[0].metadata.name}",
  );

/** Ends a program of a pod as a crash would, from the host: inside, PID 1 cannot be killed. */
const killProgram = async (pod: string, program: string): Promise<void> => {
  const uid = await kubectl("-n", space, "get", "pod", pod, "-o", "jsonpath={.metadata.uid}");
  const script = `for p in $(pgrep -f '${program}'); do if grep -q '${uid}' /proc/$p/cgroup; then kill -9 $p && echo killed; fi; done`;
  expect(await onHost(platformHost, "bash", "-c", script)).toContain("killed");
};

/** redis-cli inside a pod as one of the users whose password is mounted there, or as anybody. */
const redis = async (options: string, ...command: string[]): Promise<string> => {
  const words = command.map((word) => `'${word}'`).join(" ");
  return await inPod(
    space,
    "redis-queue-0",
    "redis",
    "sh",
    "-c",
    `redis-cli --no-auth-warning -h 127.0.0.1 ${options} ${words} 2>&1 || true`,
  );
};
const overTls = "--tls --cacert /etc/platform/redis-tls/ca.crt";

/** A statement of Node in the worker, with the application's own environment and client library. */
const asApp = (server: "DRAGONFLY" | "REDIS", ...command: string[]): Promise<string> => {
  const program = `
    const { Redis } = await import("/app/node_modules/ioredis/built/index.js");
    const { readFileSync } = await import("node:fs");
    const e = (name) => process.env["${server}_" + name];
    const client = new Redis({ host: e("HOST"), port: Number(e("PORT")), username: e("USERNAME"), password: e("PASSWORD"),
      tls: { ca: readFileSync(e("TLS_CA_FILE")), servername: e("HOST") }, retryStrategy: () => null, lazyConnect: true });
    client.on("error", () => {});
    const answer = await client.connect().then(() => client.call(...${JSON.stringify(command)})).catch((error) => error.message);
    console.log(String(answer).slice(0, 4000));
    client.disconnect();`;
  return kubectl(
    "-n",
    namespace.app,
    "exec",
    "deploy/worker",
    "--",
    "node",
    "--input-type=module",
    "-e",
    program,
  );
};

beforeAll(async () => {
  await untilHealthy(300);
  await untilCached(120);
});

describe("who gets in", () => {
  it("nobody in plaintext, and nobody without a password", async () => {
    expect(await redis("-p 6379", "ping")).toMatch(/Connection reset|closed the connection|I\/O error/);
    expect(await redis(`-p 6379 ${overTls}`, "ping")).toMatch(/^NOAUTH/);
    expect(await redis(`-p 6379 ${overTls}`, "auth", "default", "")).toMatch(/WRONGPASS/);
    expect(await redis(`-p 6379 ${overTls}`, "auth", "app", "guessed")).toMatch(/WRONGPASS/);
  });

  it.each([
    [["set", "hc-local:queue:probe", "1"], /^OK$/],
    [["set", "elsewhere", "1"], /^NOPERM/],
    [["info", "server"], /redis_version/],
    [["client", "list"], /^id=\d+ addr=/],
    [["keys", "*"], /^NOPERM/],
    [["flushall"], /^NOPERM/],
    [["config", "get", "maxmemory"], /^NOPERM/],
    [["acl", "list"], /^NOPERM/],
    [["shutdown"], /^NOPERM/],
  ])("the application at its queues with %j", async (command, answer) => {
    expect(await asApp("REDIS", ...command)).toMatch(answer);
  });

  it.each([
    [["set", "hc-local:cache:probe", "1"], /^OK$/],
    [["set", "elsewhere", "1"], /^NOPERM/],
    [["keys", "*"], /^NOPERM/],
    [["flushall"], /^NOPERM/],
    [["config", "get", "maxmemory"], /^NOPERM/],
  ])("the application at its cache with %j", async (command, answer) => {
    expect(await asApp("DRAGONFLY", ...command)).toMatch(answer);
  });

  it("the application not at the signalling of the media server", async () => {
    const program = `const s = require("node:net").connect(6379, "redis-signalling.${space}.svc"); s.setTimeout(4000, () => { console.log("nothing"); s.destroy(); }); s.on("connect", () => { console.log("connected"); s.destroy(); }); s.on("error", (e) => console.log(e.code));`;
    expect(await kubectl("-n", namespace.app, "exec", "deploy/worker", "--", "node", "-e", program)).toMatch(
      /nothing|ECONNREFUSED|EHOSTUNREACH|ETIMEDOUT/,
    );
  });
});

describe("the cache", () => {
  it("makes the API faster, and the API answers without it", async () => {
    const tenant = `clinic-${randomUUID().slice(0, 8)}`;
    const cold = await summary(tenant);
    const warm = await summary(tenant);
    expect([cold.status, cold.cached, warm.status, warm.cached]).toEqual([200, false, 200, true]);
    await kubectl("-n", space, "scale", "deployment/dragonfly", "--replicas=0");
    await until("the cache to be gone", 90, async () =>
      (await kubectl(
        ...["-n", space, "get", "pods", "-l", "app.kubernetes.io/name=dragonfly", ...alive, "-o", "name"],
      )) === ""
        ? true
        : undefined,
    );
    for (let i = 0; i < 5; i += 1)
      expect(await summary(tenant)).toMatchObject({ status: 200, cached: false });
    expect((await request("/health/api")).status).toBe(200);
    await kubectl("-n", space, "scale", "deployment/dragonfly", "--replicas=1");
    await kubectl("-n", space, "rollout", "status", "deployment/dragonfly", "--timeout=120s");
    await untilCached(recoverySeconds);
  });

  it.each(["its program", "its pod"])(
    "dies under load (%s): every answer comes, the cache within 30 s",
    async (what) => {
      const answers: number[] = [];
      let running = true;
      const load = Promise.all(
        [0, 1].map(async (client) => {
          for (let i = 0; running; i += 1)
            answers.push((await summary(`load-${String(client)}-${String(i % 20)}`)).status);
        }),
      );
      const pod = await dragonflyPod();
      const killed = performance.now();
      await (what === "its program"
        ? killProgram(pod, "dragonfly --logtostderr|valkey-server")
        : killPods(space, pod));
      await untilCached(recoverySeconds);
      const seconds = (performance.now() - killed) / 1000;
      running = false;
      await load;
      console.log(
        `cache: ${what} killed, served from the cache again after ${seconds.toFixed(1)} s; ${String(answers.length)} answers meanwhile`,
      );
      expect(seconds).toBeLessThanOrEqual(recoverySeconds);
      expect(answers.filter((status) => status !== 200)).toEqual([]);
      expect(answers.length).toBeGreaterThan(0);
    },
  );

  it("is emptied by its daily job, which touches no queue", async () => {
    await until("a cache that takes writes", recoverySeconds, async () =>
      (await asApp("DRAGONFLY", "set", "hc-local:cache:left", "1")) === "OK" ? true : undefined,
    );
    expect(await asApp("REDIS", "set", "hc-local:queue:left", "1")).toBe("OK");
    await kubectl("-n", space, "create", "job", "cleanup-now", "--from=cronjob/cache-cleanup");
    await kubectl("-n", space, "wait", "--for=condition=complete", "job/cleanup-now", "--timeout=180s");
    expect(await asApp("DRAGONFLY", "exists", "hc-local:cache:left")).toBe("0");
    expect(await asApp("REDIS", "get", "hc-local:queue:left")).toBe("1");
    const said = await kubectl("-n", space, "logs", "job/cleanup-now");
    expect(said).toMatch(/errors: 0, replies: [1-9]/);
    expect(said).not.toContain("hc-local:cache:left");
    await kubectl("-n", space, "delete", "job", "cleanup-now");
  });
});

/** Posts a notification until it is accepted. */
const accepted = (id: string, seconds: number): Promise<true> =>
  until("an accepted notification", seconds, async () => {
    const answer = await request("/notifications", "--json", JSON.stringify({ tenant: "clinic-load", id }));
    return answer.status === 202 ? true : undefined;
  });

/** Posts notifications one after another until told to stop; each with an id of its own until it is accepted. */
class Load {
  readonly accepted: string[] = [];
  /** The longest time, in seconds, that one had to be asked for again. */
  longest = 0;
  private running = true;
  private readonly done: Promise<unknown>;

  constructor(clients: number) {
    this.done = Promise.all(Array.from({ length: clients }, () => this.client()));
  }

  private async client(): Promise<void> {
    while (this.running) {
      const id = randomUUID();
      const started = performance.now();
      await accepted(id, 120);
      this.longest = Math.max(this.longest, (performance.now() - started) / 1000);
      this.accepted.push(id);
    }
  }

  async end(): Promise<void> {
    this.running = false;
    await this.done;
  }
}

const runs = async (ids: readonly string[]): Promise<{ lost: number; doubled: number }> => {
  const rows = await sql(
    `SELECT count(*) FILTER (WHERE n = 0), count(*) FILTER (WHERE n > 1) FROM (SELECT (SELECT count(*) FROM notification_runs r WHERE r.notification = w.id) AS n FROM unnest('{${ids.join(",")}}'::uuid[]) AS w(id)) AS counted`,
  );
  const [lost = "", doubled = ""] = rows.split("|");
  return { lost: Number(lost), doubled: Number(doubled) };
};

const untilAllRan = (ids: readonly string[], seconds: number): Promise<{ lost: number; doubled: number }> =>
  until(`${String(ids.length)} notifications to have run`, seconds, async () => {
    const seen = await runs(ids);
    return seen.lost === 0 ? seen : undefined;
  });

describe("the queue", () => {
  it("dies again and again under load: no accepted job is lost, none runs twice without cause", async () => {
    const kills = 4;
    const load = new Load(2);
    const recoveries: number[] = [];
    for (let i = 0; i < kills; i += 1) {
      const before = load.accepted.length;
      await until("some accepted notifications", 60, () =>
        Promise.resolve(load.accepted.length >= before + 5 ? true : undefined),
      );
      const killed = performance.now();
      await (i % 2 === 0
        ? killProgram("redis-queue-0", "redis-server|valkey-server")
        : killPods(space, "redis-queue-0"));
      const id = randomUUID();
      await accepted(id, recoverySeconds);
      await untilAllRan([id], recoverySeconds);
      recoveries.push((performance.now() - killed) / 1000);
    }
    await load.end();
    const { doubled } = await untilAllRan(load.accepted, 60);
    console.log(
      `queue: ${String(kills)} kills, ${String(load.accepted.length)} jobs accepted, 0 lost, ${String(doubled)} ran twice; ` +
        `accepted and run again after ${recoveries.map((s) => s.toFixed(1)).join(", ")} s; longest wait of a request ${load.longest.toFixed(1)} s`,
    );
    expect(Math.max(...recoveries)).toBeLessThanOrEqual(recoverySeconds);
    // BullMQ runs a job again when its end could not be noted: at most those that ran at the moment of a kill.
    expect(doubled).toBeLessThanOrEqual(kills * 5);
  });

  it("gives up no job when the worker is killed", async () => {
    const ids = Array.from({ length: 20 }, () => randomUUID());
    for (const id of ids) await accepted(id, recoverySeconds);
    await killPods(namespace.app, "-l", "app.kubernetes.io/name=worker");
    await untilAllRan(ids, 120);
  });

  it("takes over a new password and a new certificate, and loses no client and no job", async () => {
    const stack = platform();
    const uptime = (): Promise<number> =>
      until("the queue to tell its uptime", 60, async () => {
        const told = /uptime_in_seconds:(\d+)/.exec(await asApp("REDIS", "info", "server"))?.[1];
        return told === undefined ? undefined : Number(told);
      });
    const serial = (): Promise<string> =>
      kubectl("-n", space, "get", "secret", "redis-queue-tls", "-o", "jsonpath={.data.tls\\.crt}");
    const keeper = (): Promise<string> => kubectl("-n", space, "logs", "redis-queue-0", "-c", "keeper");
    const before = {
      uptime: await uptime(),
      serial: await serial(),
      said: (await keeper()).split("\n").length,
    };
    const load = new Load(1);
    await stack.setSecret("queueAppPassword", randomUUID());
    await stack.configure({ "platform:app": { rotation: 1 } });
    const up = await stack.pulumi([
      "up",
      "--yes",
      "--skip-preview",
      "--replace",
      "**platform-redis-queue-tls-key",
    ]);
    expect(up.code, up.stdout + up.stderr).toBe(0);
    expect(await serial()).not.toBe(before.serial);
    await until("the keeper to take both over", 180, async () => {
      const lines = (await keeper()).split("\n").slice(before.said);
      return lines.some((l) => l.includes("users as configured")) &&
        lines.some((l) => l.includes("certificate as configured"))
        ? true
        : undefined;
    });
    await load.end();
    await untilAllRan(load.accepted, 120);
    expect(await uptime()).toBeGreaterThan(before.uptime);
    expect(load.accepted.length).toBeGreaterThan(0);
    await stack.configure();
    const back = await stack.pulumi(["up", "--yes", "--skip-preview"]);
    expect(back.code, back.stdout + back.stderr).toBe(0);
  });

  it("keeps its jobs through a reboot of the host", async () => {
    await untilHealthy(120);
    await kubectl("-n", namespace.app, "scale", "deployment/worker", "--replicas=0");
    await kubectl(
      "-n",
      namespace.app,
      "wait",
      "--for=delete",
      "pod",
      "-l",
      "app.kubernetes.io/name=worker",
      "--timeout=150s",
    );
    const ids = Array.from({ length: 20 }, () => randomUUID());
    for (const id of ids) await accepted(id, recoverySeconds);
    expect((await runs(ids)).lost).toBe(20);
    await onHost(platformHost, "systemctl", "--no-block", "reboot");
    await host("reboot-wait", platformHost);
    await untilHealthy(300);
    await kubectl("-n", namespace.app, "scale", "deployment/worker", "--replicas=1");
    const { doubled } = await untilAllRan(ids, 180);
    expect(doubled).toBe(0);
  });
});
