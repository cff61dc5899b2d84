import { flowId, type FlowDeclaration, type Layer } from "./flow.ts";

/** Where the metrics of one workload are. Its own component says so; monitoring renders scrapes and flows from it. */
export interface ScrapeTarget {
  /** Label `job` of every series, e.g. `pgbouncer`; alerts name it. Unique in the stack. */
  readonly job: string;
  /** Namespace of the pods. */
  readonly layer: Layer;
  /** `data/pgbouncer`: whom monitoring calls. */
  readonly workload: string;
  /** Selects the pods; every one of them is scraped. */
  readonly selector: Readonly<Record<string, string>>;
  /** Name of the flow's port. */
  readonly portName: string;
  readonly port: number;
  readonly path: string;
  readonly scheme: "http" | "https";
  /** With `https`: the name that the certificate is verified for, against the internal CA. */
  readonly serverName?: string;
  /** Seconds between two scrapes. */
  readonly intervalSeconds: number;
}

export interface ScrapeOptions {
  readonly job: string;
  /** The name of one of the flow's listens, e.g. `metrics`. */
  readonly port: string;
  /** @default "/metrics" */
  readonly path?: string;
  /** Serve metrics over TLS: the name in the certificate, e.g. `dragonfly.hc-cache.svc`. @default plain HTTP */
  readonly serverName?: string;
  /** Seconds. @default 30 */
  readonly intervalSeconds?: number;
}

/**
 * The metrics that a workload serves on one of the ports it listens on. Nothing else has to be declared: the call
 * from monitoring is added to the flows when monitoring runs.
 * @throws Error when the workload does not listen on that port.
 */
export const scrapeTarget = (flow: FlowDeclaration, options: ScrapeOptions): ScrapeTarget => {
  const listen = flow.listens.find((l) => l.name === options.port);
  if (listen === undefined) {
    const open = flow.listens.map((l) => l.name).join(", ") || "nothing";
    throw new Error(
      `metrics: ${flowId(flow)} has no port "${options.port}", it listens on ${open}; add a listen with that name to its flows`,
    );
  }
  return {
    job: options.job,
    layer: flow.layer,
    workload: flowId(flow),
    selector: flow.selector,
    portName: listen.name,
    port: listen.port,
    path: options.path ?? "/metrics",
    intervalSeconds: options.intervalSeconds ?? 30,
    ...(options.serverName === undefined
      ? { scheme: "http" }
      : { scheme: "https", serverName: options.serverName }),
  };
};
