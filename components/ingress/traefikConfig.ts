import { atLeast } from "../workload/index.ts";
import { edgeLayout } from "./layout.ts";

/** JSON is YAML, and needs no library. */
const document = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/**
 * Shorter than any server behind the edge keeps an idle connection (Node.js: 5 s): a write that is sent on one that the
 * other side is just closing is answered 502, because nobody may repeat it. Each transport has its own.
 */
const forwardingTimeouts = { idleConnTimeout: "3s" };

export interface TraefikStaticArgs {
  /** Tag of the image: options newer than it would stop the start. */
  readonly tag: string;
  /** The only namespace whose routes, Services and Secrets the proxy may read. */
  readonly namespace: string;
  readonly ingressClass: string;
}

/** Static configuration (`traefik.yaml`). Pure. */
export const renderTraefikStatic = (args: TraefikStaticArgs): string =>
  document({
    global: { checkNewVersion: false, sendAnonymousUsage: false },
    log: { level: "INFO", format: "json" },
    accessLog: accessLog(),
    ping: { entryPoint: "ping" },
    metrics: { prometheus: { entryPoint: "metrics" } },
    entryPoints: entryPoints(),
    serversTransport: { forwardingTimeouts },
    providers: {
      file: { directory: edgeLayout.dynamicDirectory, watch: true },
      kubernetesIngress: {
        namespaces: [args.namespace],
        ingressClass: args.ingressClass,
        // Routes name the Services of other namespaces; only this namespace can hold such a route.
        allowExternalNameServices: true,
        strictPrefixMatching: true,
      },
    },
    // GHSA-g55h-rg46-x9c5: without it a connection can choose the TLS options of another host.
    ...(atLeast(args.tag, "3.7.11") ? { core: { strictTLSOptions: true } } : {}),
  });

/** Who, when, how long, with what result. Never the path or a header: they can name a patient. */
const accessLog = (): unknown => ({
  format: "json",
  fields: {
    defaultMode: "drop",
    names: Object.fromEntries(
      [
        "ClientHost",
        "StartUTC",
        "Duration",
        "DownstreamStatus",
        "OriginStatus",
        "RequestMethod",
        "RequestHost",
        "RouterName",
      ].map((field) => [field, "keep"]),
    ),
    headers: { defaultMode: "drop" },
  },
});

const entryPoints = (): unknown => ({
  web: {
    address: `:${String(edgeLayout.httpPort)}`,
    // The port that visitors see, not the one that the container listens on.
    http: { redirections: { entryPoint: { to: ":443", scheme: "https", permanent: true } } },
  },
  websecure: {
    address: `:${String(edgeLayout.httpsPort)}`,
    asDefault: true,
    http: { tls: {}, middlewares: [`${edgeLayout.headers}@file`] },
    transport: {
      lifeCycle: { requestAcceptGraceTimeout: "5s", graceTimeOut: "30s" },
      // WebSockets stay open for hours; an upload over a slow line takes minutes.
      respondingTimeouts: { readTimeout: "300s", writeTimeout: "0s", idleTimeout: "3600s" },
    },
  },
  ping: { address: `:${String(edgeLayout.pingPort)}` },
  metrics: { address: `:${String(edgeLayout.metricsPort)}` },
});

export interface TraefikDynamicArgs {
  /** Who may open the internal paths. Empty: nobody. */
  readonly adminCidrs: readonly string[];
}

/** Dynamic configuration for the file provider: TLS options, the default certificate, middlewares. Pure. */
export const renderTraefikDynamic = ({ adminCidrs }: TraefikDynamicArgs): string =>
  document({
    tls: {
      options: {
        default: {
          minVersion: "VersionTLS12",
          cipherSuites: [
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
          ],
        },
      },
      stores: {
        default: {
          defaultCertificate: {
            certFile: `${edgeLayout.certificateDirectory}/tls.crt`,
            keyFile: `${edgeLayout.certificateDirectory}/tls.key`,
          },
        },
      },
    },
    http: {
      serversTransports: {
        // HTTP/1.1: a WebSocket cannot be upgraded from HTTP/2.
        [edgeLayout.verified]: {
          rootCAs: [`${edgeLayout.certificateDirectory}/ca.crt`],
          disableHTTP2: true,
          forwardingTimeouts,
        },
        // Stacks that share the edge have CAs of their own, which this file cannot know.
        [edgeLayout.encrypted]: { insecureSkipVerify: true, disableHTTP2: true, forwardingTimeouts },
      },
      middlewares: {
        [edgeLayout.headers]: {
          headers: {
            stsSeconds: 31_536_000,
            stsIncludeSubdomains: true,
            contentTypeNosniff: true,
            referrerPolicy: "no-referrer",
          },
        },
        // An empty list would let everybody in; this address never arrives from outside.
        [edgeLayout.adminsOnly]: {
          ipAllowList: { sourceRange: adminCidrs.length === 0 ? ["127.0.0.1/32"] : [...adminCidrs] },
        },
      },
    },
  });
