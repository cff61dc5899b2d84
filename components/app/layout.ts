import { labels, ownLabel, type FlowDeclaration, type Labels } from "../workload/index.ts";

/** What every process of the application's image has in common. */
export const appLayout = {
  uid: 1000,
  /** Plain HTTP, for the pod itself and the kubelet's probes. */
  apiPort: 8088,
  /** The same over TLS, for the edge. */
  apiTlsPort: 8443,
  apiService: "api",
  caDirectory: "/etc/platform/ca",
  caFile: "/etc/platform/ca/ca.crt",
  workerCommand: ["node", "dist/worker-bootstrap.js"],
  /** HTTPS, and mail submission for the worker. */
  apiInternetPorts: [443],
  workerInternetPorts: [443, 465, 587],
  /** Reachable for administrators only: documentation, queue payloads (patient data) and logs. */
  internalPaths: ["/docs", "/queue-dashboard", "/logger"],
} as const;

export type AppRole = "api" | "worker" | "migration";

export const appLabels = (prefix: string, role: AppRole): Labels => {
  const base = labels({ prefix, app: role, component: role === "migration" ? "job" : "backend" });
  return role === "api" ? { ...base, all: { ...base.all, [ownLabel.exposed]: "true" } } : base;
};

interface WorkloadPort {
  readonly workload: string;
  readonly port: string;
}

export interface AppFlowArgs {
  readonly prefix: string;
  readonly workerEnabled: boolean;
  /** The database's port, as its component declares it; for the migration only. */
  readonly database: WorkloadPort;
  /** The pooler's, for API and worker. */
  readonly pooler: WorkloadPort;
  /** Ports of cache and queues; the migration calls neither. */
  readonly caches: readonly WorkloadPort[];
}

/** What API, worker and migration listen on and whom they call, known before anything exists. */
export const appFlows = ({
  prefix,
  workerEnabled,
  database,
  pooler,
  caches,
}: AppFlowArgs): readonly FlowDeclaration[] => {
  const common = [pooler, { service: "dns" }] as const;
  const declare = (role: AppRole, rest: Pick<FlowDeclaration, "listens" | "calls">): FlowDeclaration => ({
    layer: "app",
    workload: role,
    selector: appLabels(prefix, role).selector,
    ...rest,
  });
  return [
    declare("api", {
      // Plain HTTP stays inside of the pod (tlsFront.ts).
      listens: [
        { name: "https", port: appLayout.apiTlsPort, openTo: "edge", encrypted: true, carriesPhi: true },
      ],
      calls: [...common, ...caches, { internetPorts: appLayout.apiInternetPorts }],
    }),
    ...(workerEnabled
      ? [
          declare("worker", {
            listens: [],
            calls: [...common, ...caches, { internetPorts: appLayout.workerInternetPorts }],
          }),
        ]
      : []),
    declare("migration", { listens: [], calls: [database, { service: "dns" }] }),
  ];
};
