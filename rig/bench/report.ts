/** Figures as a plain table, and as docs/benchmarks.md. No state. */
import { cpus, totalmem } from "node:os";

export interface Figure {
  readonly what: string;
  readonly ours: string;
  /** What it is compared with, and that one's value. */
  readonly against: string;
  readonly ratio: string;
  readonly aim: string;
  readonly met: string;
}

const heads = ["figure", "platform", "against", "ratio", "aim", "met"] as const;

const cells = (figure: Figure): readonly string[] => [
  figure.what,
  figure.ours,
  figure.against,
  figure.ratio,
  figure.aim,
  figure.met,
];

const rows = (figures: readonly Figure[]): readonly (readonly string[])[] => [heads, ...figures.map(cells)];

/** Columns padded with spaces, for a terminal. */
export const plainTable = (figures: readonly Figure[]): string => {
  const all = rows(figures);
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
};

const markdownTable = (figures: readonly Figure[]): string => {
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |`;
  const [head = [], ...body] = rows(figures);
  return [line(head), line(head.map(() => "---")), ...body.map(line)].join("\n");
};

export const machine = (load: number): string =>
  `${String(cpus().length)} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ` +
  `${String(Math.round(totalmem() / 2 ** 30))} GiB memory, load ${load.toFixed(1)} before the start`;

/** The whole document. */
export const document = (figures: readonly Figure[], load: number, rounds: number): string => `# Benchmarks

Written by \`make bench\` (\`node rig/bench.ts --write\`). Only ratios within one run say something: both sides of each ran on
the same machine, one after the other. Aims are aims: nothing fails when one is missed.

Machine: ${machine(load)}.

${markdownTable(figures)}

"(stand-in)" marks what ran through a part that stands in for the real one (\`rig/README.md\`): plugins, language host, k3s.
Such a figure says how the program compares with the same stand-in used without it, not how fast the real one is.

## How the figures were obtained

Previews, starts and updates that change nothing: all arms in turn, ${String(rounds)} rounds, median. Everything that takes a bare host
or a fresh cluster: once each.

- **Program start**: from the start of the node process that Pulumi's loader runs to the first statement of a program that imports
  all modules of the platform; against one that imports only the SDK's core, so that the difference is ours. The rig sets
  NODE_COMPILE_CACHE, as every figure here has it; the second line is without, as a shell has it that does not.
- **Previews and updates**: the CLI alone, without the scripts of the rig; the empty program has the same file backend and
  secrets provider. "First preview" has an empty state, "no-op" the state of the platform that runs.
- **Bootstrap**: a Debian 13 host with the base packages of a VPS image, booted and reachable by SSH; \`pulumi up\` of host and
  cluster only. By hand: the same files copied over SSH, the same config.yaml, unit and kernel settings, \`systemctl start\`; no
  checks, no digests. "Node Ready" is the time of the node's own condition, in whole seconds; "usable" is when CoreDNS,
  metrics-server and the local-path provisioner are available, and for the program also kubeconfig and provider.
- **First up**: the same stack's objects on the cluster just made, until every workload is ready. By hand: the same objects,
  exported from the state, on a second fresh cluster: \`kubectl apply --server-side\` in four steps, waiting for the database,
  the migration, then all rollouts.
- **Warm make local**: the sum of its steps with everything built: host, stack file, secrets, both halves of the up.
- **Idle host**: the memory cgroup of the host with the whole platform on it, after the rounds: anonymous memory, and the working
  set as the kubelet counts it.
- **State**: the file of the file backend, uncompressed.

Only one host of the benchmark runs at a time.
`;
