import { readFileSync } from "node:fs";
import { join } from "node:path";

import { execute, repository } from "../../../rig/stack.ts";
import { kubectl, namespace, platformHost, sql, until } from "../support.ts";
import type { Errors, Status } from "./client.ts";

/** What is left to say when a load has ended. */
export interface Report {
  readonly acknowledged: number;
  /** `writer number` of answers without an entry. */
  readonly lost: readonly string[];
  /** Entries that are there more than once. */
  readonly twice: readonly string[];
  /** Entries without their key, or keys without their entry: half a transaction. */
  readonly torn: readonly string[];
  /** Entries that nobody was told about. The load ends with none: each number is brought to its end. */
  readonly unasked: readonly string[];
  /** See `Status`. */
  readonly refused: Errors;
  readonly broken: Errors;
  /** Longest time without an answer for one writer. */
  readonly longestGapMs: number;
}

export interface LoadArgs {
  /** @default "append-load" */
  readonly pod?: string;
  /** @default 6 */
  readonly writers?: number;
  /** Pause of a writer between two writes, ms. @default 5 */
  readonly pauseMs?: number;
}

/** kubectl with a manifest on its standard input. */
const apply = async (manifest: object): Promise<void> => {
  const host = join(repository, "rig", "host", "host.sh");
  const result = await execute(host, ["exec", platformHost, "--", "k3s", "kubectl", "apply", "-f", "-"], {
    input: JSON.stringify(manifest),
  });
  if (result.code !== 0) throw new Error(`kubectl apply: ${result.stderr}`);
};

interface Container {
  readonly image: string;
  readonly env: readonly { readonly name: string }[];
  readonly volumeMounts: readonly object[];
  readonly securityContext: object;
}
interface Template {
  readonly metadata: { readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly containers: readonly [Container];
    readonly volumes: readonly object[];
    readonly securityContext: object;
  };
}

/** The worker's image, settings, labels (so its network policies too) and security, with another program. */
const podLike = (template: Template, pod: string, args: LoadArgs): object => {
  const [{ image, env, volumeMounts, securityContext }] = template.spec.containers;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: pod, namespace: namespace.app, labels: template.metadata.labels },
    spec: {
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      securityContext: template.spec.securityContext,
      containers: [
        {
          name: "load",
          image,
          command: ["node", "/load/client.ts"],
          env: [
            ...env.filter(({ name }) => name === "DATABASE_URL"),
            { name: "WRITERS", value: String(args.writers ?? 6) },
            { name: "PAUSE_MS", value: String(args.pauseMs ?? 5) },
          ],
          securityContext,
          resources: { requests: { cpu: "10m", memory: "96Mi" }, limits: { memory: "192Mi" } },
          volumeMounts: [
            ...volumeMounts,
            { name: "program", mountPath: "/load" },
            { name: "record", mountPath: "/data" },
          ],
        },
      ],
      volumes: [
        ...template.spec.volumes,
        { name: "program", configMap: { name: pod } },
        { name: "record", emptyDir: { sizeLimit: "256Mi" } },
      ],
    },
  };
};

const tables = `
SET ROLE migration;
CREATE TABLE load_keys (writer int, number int, PRIMARY KEY (writer, number));
CREATE TABLE load_entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, writer int, number int);`;

const pairs = (text: string): readonly string[] => text.split("\n").filter(Boolean);
const pairsOf = async (query: string): Promise<readonly string[]> =>
  pairs(await sql(`SELECT writer || ' ' || number FROM ${query}`));

/** One append-only load in a pod of its own. Its record of answers is on that pod's disk. */
export class AppendLoad {
  readonly pod: string;

  private constructor(pod: string) {
    this.pod = pod;
  }

  /** Makes the tables, starts the pod and waits until every writer has been answered. */
  static async start(args: LoadArgs = {}): Promise<AppendLoad> {
    const load = new AppendLoad(args.pod ?? "append-load");
    await load.remove();
    await sql(tables);
    const program = readFileSync(join(import.meta.dirname, "client.ts"), "utf8");
    const metadata = { name: load.pod, namespace: namespace.app };
    await apply({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "client.ts": program } });
    const worker = JSON.parse(
      await kubectl("-n", namespace.app, "get", "deployment", "worker", "-o", "json"),
    ) as { readonly spec: { readonly template: Template } };
    await apply(podLike(worker.spec.template, load.pod, args));
    await load.answered(Date.now(), 120);
    return load;
  }

  private exec(...command: string[]): Promise<string> {
    return kubectl("-n", namespace.app, "exec", this.pod, "--", ...command);
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.exec("cat", "/data/status.json")) as Status;
  }

  /** Waits until each writer has an answer to a write that it began after `since` (ms since 1970). */
  answered(since: number, seconds: number): Promise<Status> {
    return until(`answers to every writer of ${this.pod}`, seconds, async () => {
      const status = await this.status();
      return status.begun.every((begun) => begun > since) ? status : undefined;
    });
  }

  /** Lets the writers bring their last number to its end, and compares answers with entries. */
  async stop(): Promise<Report> {
    await this.exec("touch", "/data/stop");
    await until("the end of the load", 120, async () => (await this.exec("ls", "/data")).match(/^done$/m));
    const status = await this.status();
    const answers = pairs(await this.exec("cat", "/data/acknowledged"));
    const entries = new Set(await pairsOf("load_entries"));
    const answered = new Set(answers);
    return {
      acknowledged: answered.size,
      lost: answers.filter((answer) => !entries.has(answer)),
      twice: await pairsOf("load_entries GROUP BY writer, number HAVING count(*) > 1"),
      torn: await pairsOf(
        "load_keys FULL JOIN load_entries e USING (writer, number) WHERE e.id IS NULL OR load_keys IS NULL",
      ),
      unasked: [...entries].filter((entry) => !answered.has(entry)),
      refused: status.refused,
      broken: status.broken,
      longestGapMs: status.longestGapMs,
    };
  }

  /** Removes pod and tables. */
  async remove(): Promise<void> {
    await kubectl("-n", namespace.app, "delete", "pod", this.pod, "--ignore-not-found", "--grace-period=1");
    await kubectl("-n", namespace.app, "delete", "configmap", this.pod, "--ignore-not-found");
    await sql("DROP TABLE IF EXISTS load_keys, load_entries");
  }
}
