import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { execute, host, onHost, repository, RigStack, type Result } from "../../rig/stack.ts";
import { fingerprint } from "../e2e/fingerprint.ts";
import { bootstrapTargets, until } from "../e2e/support.ts";

/**
 * A run that dies at the worst moments, in the worst ways, and is then run again.
 * A command that the bootstrap calls at the moment in question is held on the host by a wrapper that stands earlier in
 * PATH; the run is killed while it is held. Two hosts work side by side: half of the time is spent waiting.
 */
const names = ["crash1", "crash2"] as const;
const directoryOf = (name: string): string => join(repository, ".rig", "bootstrap", name);
const hold = "/run/hold";

const wrapper = (command: string, when: string): string =>
  `#!/bin/bash\nreal=/usr/bin/${command}; [ -x "$real" ] || real=/bin/${command}\ncase "$*" in ${when}) : >${hold}.reached; while [ -e ${hold} ]; do sleep 0.1; done;; esac\nexec "$real" "$@"\n`;

interface Moment {
  /** Command and arguments (a shell pattern) at which the run is held. */
  readonly at?: { readonly command: string; readonly when: string };
  /** Without a held command: true as soon as the moment has come. */
  readonly reached?: (name: string) => Promise<boolean>;
}

const exists = async (name: string, script: string): Promise<boolean> =>
  (await execute(join(repository, "rig/host/host.sh"), ["exec", name, "--", "bash", "-c", script])).code ===
  0;

const moments: Readonly<Record<string, Moment>> = {
  "in the middle of the upload": {
    reached: (name) =>
      exists(name, "ls /var/lib/hc-local/upload/*/* >/dev/null 2>&1 && [ ! -e /usr/local/bin/k3s ]"),
  },
  "after the configuration was written": { at: { command: "ln", when: "*k3s-v*" } },
  "after the binary was switched": { at: { command: "systemctl", when: "'daemon-reload'" } },
  "while k3s starts": {
    reached: (name) => exists(name, "systemctl show -p ActiveState --value k3s | grep -q activating"),
  },
  "before the kubeconfig is read": {
    at: { command: "systemctl", when: "*enable*renew*|*enable*certificate*|*enable*timer*" },
  },
};

const ways = ["SIGKILL of pulumi", "SIGKILL of the remote processes", "a power cut"] as const;
type Way = (typeof ways)[number];

const bareStack = async (name: string): Promise<RigStack> => {
  const directory = directoryOf(name);
  await host("destroy", name).catch(() => undefined);
  rmSync(directory, { recursive: true, force: true });
  await host("create", name);
  await host("start", name);
  const stack = new RigStack({ directory, hostName: name });
  await stack.configure();
  await stack.init();
  return stack;
};

/** Host and cluster only: what stands above them is not interrupted here. */
const bootstrap = (stack: RigStack, onSpawn?: (pid: number) => void): Promise<Result> =>
  stack.pulumi(["up", "--yes", "--skip-preview", ...bootstrapTargets], {
    onSpawn: (child) => {
      if (child.pid !== undefined) onSpawn?.(child.pid);
    },
  });

const arm = async (name: string, { at }: Moment): Promise<void> => {
  if (at === undefined) return;
  const path = `/usr/local/sbin/${at.command}`;
  const result = await execute(
    join(repository, "rig/host/host.sh"),
    ["exec", name, "--", "bash", "-c", `cat >${path} && chmod 755 ${path} && : >${hold}`],
    { input: wrapper(at.command, at.when) },
  );
  if (result.code !== 0) throw new Error(result.stderr);
};

const disarm = async (name: string, { at }: Moment): Promise<void> => {
  await onHost(
    name,
    "rm",
    "-f",
    hold,
    `${hold}.reached`,
    ...(at === undefined ? [] : [`/usr/local/sbin/${at.command}`]),
  );
};

const kill = async (name: string, way: Way, pid: number): Promise<void> => {
  switch (way) {
    case "SIGKILL of pulumi":
      process.kill(-pid, "SIGKILL");
      return;
    case "SIGKILL of the remote processes":
      // The loader runs the script below `timeout`, in a process group of its own; uploads live in sftp-server.
      await onHost(
        name,
        "bash",
        "-c",
        "for p in $(pgrep -f '^timeout -k 10' ; pgrep -x sftp-server); do kill -KILL -- -$(ps -o pgid= -p $p | tr -d ' ') 2>/dev/null || kill -KILL $p; done",
      );
      return;
    case "a power cut":
      await host("powercut", name);
  }
};

const interrupt = async (name: string, stack: RigStack, moment: Moment, way: Way): Promise<Result> => {
  await arm(name, moment);
  let pid = 0;
  const running = bootstrap(stack, (group) => (pid = group));
  let ended = false;
  void running.then(() => (ended = true));
  await until("the moment to interrupt", 300, async () => {
    if (ended) throw new Error("the run ended before the moment came");
    const come = (await moment.reached?.(name)) ?? (await exists(name, `[ -e ${hold}.reached ]`));
    return come ? true : undefined;
  });
  await kill(name, way, pid);
  const result = await running;
  if (way === "a power cut") await host("start", name);
  await disarm(name, moment);
  return result;
};

/** Hosts that no test uses at the moment. */
const free: string[] = [...names];

const onFreeHost = async (work: (name: string) => Promise<void>): Promise<void> => {
  const name = free.pop();
  if (name === undefined) throw new Error("more tests at a time than hosts; see maxConcurrency of the suite");
  try {
    await work(name);
  } finally {
    free.push(name);
  }
};

describe.concurrent("an interrupted bootstrap", () => {
  const whole = new Map<string, readonly string[]>();

  beforeAll(async () => {
    const references = await Promise.all(
      names.map(async (name) => {
        const stack = await bareStack(name);
        const result = await bootstrap(stack);
        expect(result.code, result.stdout + result.stderr).toBe(0);
        return [name, await fingerprint(stack)] as const;
      }),
    );
    for (const [name, lines] of references) {
      expect(lines.length).toBeGreaterThan(15);
      whole.set(name, withoutNode(lines));
    }
  });

  afterAll(async () => {
    for (const name of names) {
      await host("destroy", name);
      rmSync(directoryOf(name), { recursive: true, force: true });
    }
  });

  const cases = Object.entries(moments).flatMap(([when, moment]) =>
    ways.map((way) => ({ when, moment, way })),
  );
  it.each(cases)("$when, by $way, is repaired by the next run", ({ moment, way }) =>
    onFreeHost(async (name) => {
      const stack = await bareStack(name);
      const first = await interrupt(name, stack, moment, way);
      expect(first.code).not.toBe(0);
      await stack.engine(["cancel", "--yes"]); // a killed engine leaves its lock
      const second = await bootstrap(stack);
      expect(second.code, second.stdout + second.stderr).toBe(0);
      expect(withoutNode(await fingerprint(stack))).toEqual(whole.get(name));
    }),
  );
});

/** Secrets and addresses differ between two hosts; files that hold them are compared by name, mode and owner only. */
const withoutNode = (lines: readonly string[]): readonly string[] =>
  lines.map((line) =>
    /config\.yaml|\/good\/|k3s\.(good|applied)/.test(line)
      ? line.replaceAll(/[0-9a-f]{64}/g, "<hash>")
      : line,
  );
