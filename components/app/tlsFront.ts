import type * as k8s from "@pulumi/kubernetes";
import {
  allowing,
  hardened,
  resources,
  tcpProbe,
  type Hardened,
  type ResolvedImage,
  type Size,
} from "../workload/index.ts";
import { appLayout } from "./layout.ts";

type Container = k8s.types.input.core.v1.Container;
type Volume = k8s.types.input.core.v1.Volume;

const directory = "/etc/platform/api-tls";
const scriptDirectory = "/etc/platform/tls-front";
const scriptName = "tls-front.mjs";

/** Where the script looks and listens. */
export interface TlsFrontPlaces {
  readonly directory: string;
  readonly listen: number;
  readonly backend: number;
  /** Seconds between two looks at the certificate. */
  readonly periodSeconds: number;
}

const places: TlsFrontPlaces = {
  directory,
  listen: appLayout.apiTlsPort,
  backend: appLayout.apiPort,
  periodSeconds: 30,
};

/**
 * Ends TLS in the API's own pod, for an application that speaks plain HTTP: bytes go to the pod's loopback, so nothing
 * of them is on a wire. Knows no HTTP, hence WebSockets pass. A changed certificate is taken over without a restart.
 */
export const renderTlsFront = (at: TlsFrontPlaces): string => `import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { pipeline } from "node:stream";
import { createServer } from "node:tls";

const say = (text) => console.log("tls-front: " + text);
const read = () => {
  const [cert, key] = ["tls.crt", "tls.key"].map((name) => readFileSync("${at.directory}/" + name, "utf8"));
  return { cert, key };
};
const settings = {
  minVersion: "TLSv1.2",
  // AES-GCM only: the NIST-approved ciphers that the breach safe harbour asks for.
  ciphers: "TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256:ECDHE+AESGCM",
  ALPNProtocols: ["http/1.1"],
};

let current = read();
const server = createServer({ ...settings, ...current }, (outside) => {
  const inside = connect(${String(at.backend)}, "127.0.0.1");
  outside.setNoDelay(true);
  inside.setNoDelay(true);
  // Each ends the other when it is done, and at once when it breaks.
  pipeline(outside, inside, () => {});
  pipeline(inside, outside, () => {});
});
// Whoever does not speak TLS is cut off; what they sent is not logged.
server.on("tlsClientError", (_error, socket) => socket.destroy());

setInterval(() => {
  try {
    const now = read();
    if (now.cert === current.cert && now.key === current.key) return;
    server.setSecureContext({ ...settings, ...now });
    current = now;
    say("took over the changed certificate");
  } catch (error) {
    say("keeps the certificate it has: " + error.code);
  }
}, ${String(at.periodSeconds * 1000)});

// A sidecar is told to end after the API has ended: nobody is left to serve.
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
server.listen(${String(at.listen)}, () => say("listening on ${String(at.listen)}"));
`;

/** Data of the ConfigMap that holds the script. */
export const tlsFrontScripts = (): Readonly<Record<string, string>> => ({
  [scriptName]: renderTlsFront(places),
});

export interface TlsFrontArgs {
  /** The application's own: it carries node. */
  readonly image: ResolvedImage;
  readonly size: Size;
}

const security = (): Hardened => hardened({ uid: appLayout.uid, fsGroup: appLayout.uid, writablePaths: [] });

/** Started before the API, ended after it. */
export const tlsFrontContainer = ({ image, size }: TlsFrontArgs): Container => ({
  name: "tls-front",
  image: image.ref,
  imagePullPolicy: "IfNotPresent",
  restartPolicy: "Always",
  securityContext: security().container,
  // Small heaps: it only copies bytes.
  command: ["node", "--max-old-space-size=32", "--max-semi-space-size=1", `${scriptDirectory}/${scriptName}`],
  ports: [{ name: "https", containerPort: appLayout.apiTlsPort, protocol: "TCP" }],
  startupProbe: tcpProbe("https", allowing(60, 1)),
  livenessProbe: tcpProbe("https", { failureThreshold: 6 }),
  resources: resources(size, 64),
  volumeMounts: [
    { name: "tls", mountPath: directory, readOnly: true },
    { name: "tls-front", mountPath: scriptDirectory, readOnly: true },
  ],
});

export const tlsFrontVolumes = (secretName: Volume["name"], configMap: Volume["name"]): Volume[] => [
  { name: "tls", secret: { secretName, defaultMode: 0o440 } },
  { name: "tls-front", configMap: { name: configMap, defaultMode: 0o444 } },
];
