import { inPod, killPods, kubectl, namespace, onHost, platformHost, sql, until } from "../support.ts";
import type { AppendLoad, Report } from "./append.ts";

/** Ways in which PostgreSQL can be lost, from the mildest on. */
export const kills = {
  /** One backend dies; the postmaster ends all others and recovers. */
  backend: async (): Promise<void> => {
    const pid = await sql(
      "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename LIKE 'app\\_%' LIMIT 1",
    );
    if (!/^\d+$/.test(pid)) throw new Error(`no backend of the application to kill: "${pid}"`);
    await inPod(namespace.data, "postgres-0", "postgres", "bash", "-c", `kill -KILL ${pid}`);
  },
  /** The postmaster dies: the kernel ends its container. Only from outside: nothing kills the first process of its own namespace. */
  postmaster: async (): Promise<void> => {
    await onHost(
      platformHost,
      "pkill",
      "-KILL",
      "-f",
      "^/usr/lib/postgresql/18/bin/postgres -c config_file=",
    );
  },
  /** The pod is gone without a word. */
  pod: (): Promise<void> => killPods(namespace.data, "postgres-0"),
} as const;
export type Kill = keyof typeof kills;
export const killNames = Object.keys(kills) as readonly Kill[];

/** Changes whenever the server had to start again, or its postmaster had to recover. */
const incarnation = (): Promise<string> =>
  sql("SELECT extract(epoch FROM backend_start) FROM pg_stat_activity WHERE backend_type = 'checkpointer'");

export interface Round {
  readonly kill: Kill;
  /** From the kill until every writer has an answer again and the pod is ready. */
  readonly seconds: number;
}

/** Kills PostgreSQL once under load and waits for it. @throws Error when nothing died, or it is not back in time */
export const killOnce = async (kill: Kill, load: AppendLoad, limitSeconds: number): Promise<Round> => {
  const before = await incarnation();
  const began = Date.now();
  await kills[kill]();
  const left = (): number => limitSeconds - (Date.now() - began) / 1000;
  await until(`PostgreSQL after the loss of its ${kill}`, left(), async () =>
    (await incarnation()) === before ? undefined : true,
  );
  // Answers to what was begun before the kill do not count.
  await load.answered(Date.now(), left());
  await kubectl(
    ...["-n", namespace.data, "wait", "pod", "postgres-0", "--for=condition=Ready"],
    `--timeout=${String(Math.max(1, Math.ceil(left())))}s`,
  );
  return { kill, seconds: (Date.now() - began) / 1000 };
};

/** `rounds` kills, alternating between all of them. Tells about each. */
export const killRounds = async (
  rounds: number,
  load: AppendLoad,
  limitSeconds: number,
): Promise<readonly Round[]> => {
  const done: Round[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const kill = killNames[round % killNames.length] ?? "pod";
    const result = await killOnce(kill, load, limitSeconds);
    done.push(result);
    const { acknowledged } = await load.status();
    console.log(
      `round ${String(round + 1)} of ${String(rounds)}: ${kill}, serving again after ${result.seconds.toFixed(1)} s; ${String(acknowledged)} writes acknowledged so far`,
    );
  }
  return done;
};

/** One line on what the kills did. */
export const sayRounds = (rounds: readonly Round[], report: Report): void => {
  const seconds = rounds.map((round) => round.seconds).sort((a, b) => a - b);
  const median = seconds[Math.floor(seconds.length / 2)] ?? 0;
  const sum = (errors: Report["broken"]): string =>
    String(Object.values(errors).reduce((counted, count) => counted + count, 0));
  console.log(
    `${String(rounds.length)} kills: ready again after ${median.toFixed(1)} s (median), ${(seconds.at(-1) ?? 0).toFixed(1)} s (worst); ` +
      `${String(report.acknowledged)} writes acknowledged, ${String(report.lost.length)} lost, ${String(report.twice.length)} twice; ` +
      `${sum(report.broken)} transactions cut off, ${sum(report.refused)} refused before they began; longest wait of a client ${(report.longestGapMs / 1000).toFixed(1)} s`,
  );
};
