/**
 * The pod that pgbench runs in: the database's image, with the rights and the login of the application. From the host
 * itself the database refuses everybody. State held: the pod `bench`, its scripts, and what opens the network for it.
 */
import { onHost } from "../stack.ts";
import { remote } from "./hosts.ts";

export interface Target {
  /** As it stands in the certificate. */
  readonly host: string;
  readonly port: number;
}

export interface Bench {
  readonly hostName: string;
  readonly namespace: string;
  readonly database: string;
  readonly direct: Target;
  readonly pooled: Target;
}

const name = "bench";
const uid = 999;

const pod = (image: string, database: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { [name]: "client" } },
  spec: {
    automountServiceAccountToken: false,
    terminationGracePeriodSeconds: 1,
    securityContext: {
      ...{ runAsUser: uid, runAsGroup: uid, runAsNonRoot: true, fsGroup: uid },
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        name,
        image,
        imagePullPolicy: "IfNotPresent",
        command: ["sleep", "infinity"],
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ["ALL"] },
        },
        // As much of a busy CPU as the database has.
        resources: { requests: { cpu: "250m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        env: Object.entries({
          PGUSER: "app_a",
          PGDATABASE: database,
          PGSSLMODE: "verify-full",
          PGSSLROOTCERT: "/run/ca/ca.crt",
          PGCONNECT_TIMEOUT: "30",
        }).map(([key, value]) => ({ name: key, value })),
        volumeMounts: ["ca", "password", "scripts"].map((what) => ({
          name: what,
          mountPath: `/run/${what}`,
          readOnly: true,
        })),
      },
    ],
    volumes: [
      { name: "ca", secret: { secretName: "postgres-tls", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      {
        name: "password",
        secret: { secretName: "postgres-passwords", items: [{ key: "app_a", path: "app_a" }] },
      },
      { name: "scripts", configMap: { name } },
    ],
  },
});

/** Opens what default-deny closes: the pod may call, and the two may be called by it. */
const policies = () => {
  const policy = (called: string, podSelector: unknown, spec: unknown) => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: `${name}-${called}` },
    spec: { podSelector, ...(spec as object) },
  });
  const client = { matchLabels: { [name]: "client" } };
  return [
    policy("client", client, { policyTypes: ["Egress"], egress: [{}] }),
    ...["postgres", "pgbouncer"].map((called) =>
      policy(
        called,
        { matchLabels: { "app.kubernetes.io/name": called } },
        { policyTypes: ["Ingress"], ingress: [{ from: [{ podSelector: client }] }] },
      ),
    ),
  ];
};

/** Makes the pod; `scripts` are in its /run/scripts. */
export const makeClient = async (bench: Bench, scripts: Readonly<Record<string, string>>): Promise<void> => {
  const kubectl = ["k3s", "kubectl", "-n", bench.namespace];
  const image = await onHost(
    ...[bench.hostName, ...kubectl, "get", "pod", "postgres-0"],
    ...["-o", "jsonpath={.spec.containers[0].image}"],
  );
  const texts = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: scripts };
  const items = [...policies(), texts, pod(image, bench.database)];
  await remote(
    bench.hostName,
    `${kubectl.join(" ")} apply -f - <<'END-OF-LIST'\n${JSON.stringify({ apiVersion: "v1", kind: "List", items })}\nEND-OF-LIST\n` +
      `${kubectl.join(" ")} wait --for=condition=Ready pod/${name} --timeout=120s\n`,
  );
};

/** Runs a bash script in the pod, with the password at hand; `direct` or `pooled` before a program says whom it calls. */
export const inClient = (bench: Bench, script: string): Promise<string> => {
  const { direct, pooled, namespace } = bench;
  const call = (what: string, { host, port }: Target): string =>
    `${what}() { PGHOST=${host} PGPORT=${String(port)} "$@"; }`;
  return remote(
    bench.hostName,
    `k3s kubectl -n ${namespace} exec -i ${name} -- bash -euo pipefail -s <<'END-OF-SCRIPT'
export PATH=/usr/lib/postgresql/18/bin:$PATH
PGPASSWORD=$(</run/password/app_a)
export PGPASSWORD
${call("direct", direct)}
${call("pooled", pooled)}
${script}
END-OF-SCRIPT
`,
  );
};
