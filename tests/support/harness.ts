import * as pulumi from "@pulumi/pulumi";
import { endMarker } from "../../components/remote/index.ts";
import type { RawConfig } from "../../stacks/config.ts";
import type { ResourceRecord } from "./records.ts";

/**
 * Runs a program against a mocked engine and records what it asked for, as the engine would see it: with parent,
 * provider, protection, dependencies and the exact place of every secret. Proves nothing about the cluster's answer.
 */

const signature = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const unknownValue = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

const isSecret = (value: any): boolean => value?.[signature] === secretSignature;

const reveal = (value: any): any => {
  if (value === unknownValue) return "<unknown>";
  if (isSecret(value)) return reveal(value.value);
  if (Array.isArray(value)) return value.map(reveal);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, reveal(inner)]));
};

const secretPaths = (value: any, path = ""): string[] => {
  if (isSecret(value)) return [path];
  if (value === null || typeof value !== "object") return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    secretPaths(inner, path === "" ? key : `${path}.${key}`),
  );
};

/** What a host that runs k3s would print; base64 of nothing. */
const kubeconfig = `apiVersion: v1
kind: Config
clusters: [{name: default, cluster: {certificate-authority-data: RkFLRQ==, server: "https://127.0.0.1:6443"}}]
contexts: [{name: default, context: {cluster: default, user: default}}]
current-context: default
users: [{name: default, user: {client-certificate-data: RkFLRQ==, client-key-data: RkFLRQ==}}]
`;

/** Outputs that the provider would compute, secret where the provider makes them so. */
const computed = (args: pulumi.runtime.MockResourceArgs): Record<string, unknown> => {
  const metadata = {
    ...args.inputs["metadata"],
    name: args.inputs["metadata"]?.name ?? `${args.name}-0f3c1e5a`,
  };
  if (args.type.startsWith("kubernetes:")) return { ...args.inputs, metadata };
  switch (args.type) {
    case "command:remote:Command":
      return {
        ...args.inputs,
        stdout: pulumi.secret(`${kubeconfig}${endMarker}\n`),
        stderr: pulumi.secret(""),
      };
    case "tls:index/privateKey:PrivateKey":
      return { ...args.inputs, privateKeyPem: pulumi.secret(`canary private key of ${args.name}`) };
    case "tls:index/certRequest:CertRequest":
      return { ...args.inputs, certRequestPem: `request of ${args.name}` };
    case "tls:index/locallySignedCert:LocallySignedCert":
      return {
        ...args.inputs,
        certPem: `certificate of ${args.name}`,
        validityEndTime: "2029-02-25T12:00:00Z",
      };
    case "random:index/randomPassword:RandomPassword":
      return { ...args.inputs, result: pulumi.secret(`canary random value of ${args.name}`) };
    default:
      return args.inputs;
  }
};

const mocksWith = (
  references: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): pulumi.runtime.Mocks => ({
  newResource: (args) => {
    if (args.type === "pulumi:pulumi:StackReference") {
      const stack = String(args.inputs["name"]);
      return {
        id: stack,
        state: {
          name: stack,
          outputs: references[stack] ?? {},
          secretOutputNames: ["sharedClusterKubeconfig"],
        },
      };
    }
    return { id: args.custom === false ? "" : `${args.name}-id`, state: computed(args) };
  },
  call: (args) => {
    throw new Error(`unexpected call of ${args.token}`);
  },
});

const recordOf = (request: any, urn: string): ResourceRecord => {
  const raw = request.getObject()?.toJavaScript() ?? {};
  return {
    type: request.getType(),
    name: request.getName(),
    urn,
    parent: request.getParent(),
    provider: request.getProvider(),
    custom: request.getCustom(),
    inputs: reveal(raw),
    secretPaths: secretPaths(raw),
    protect: request.getProtect() ?? false,
    retainOnDelete: request.getRetainondelete() ?? false,
    dependsOn: request.getDependenciesList(),
    readsFrom: [
      ...new Set<string>(
        [...request.getPropertydependenciesMap().entries()].flatMap(([, d]: any) => d.getUrnsList()),
      ),
    ],
    additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
  };
};

export interface RunOptions {
  /** @default "test" */
  readonly stack?: string;
  /** Full keys, as Pulumi hands them over. */
  readonly config?: RawConfig;
  /** A preview: outputs that a provider computes are unknown. @default false */
  readonly preview?: boolean;
  /** Outputs of other stacks by full name. */
  readonly references?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

export interface Run<T> {
  readonly records: readonly ResourceRecord[];
  readonly result: T;
}

/** Builds resources under mocks and waits until all of them are registered. One run at a time. */
export const record = async <T>(build: () => T | Promise<T>, options: RunOptions = {}): Promise<Run<T>> => {
  const records: ResourceRecord[] = [];
  pulumi.runtime.setAllConfig({ ...options.config?.values }, [...(options.config?.secretKeys ?? [])]);
  await pulumi.runtime.setMocks(
    mocksWith(options.references ?? {}),
    "platform",
    options.stack ?? "test",
    options.preview ?? false,
  );
  const monitor = pulumi.runtime.getMonitor() as any;
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request: any, done: any) =>
    register(request, (error: unknown, response: any) => {
      if (response !== undefined) records.push(recordOf(request, response.getUrn()));
      done(error, response);
    });
  try {
    const result = await build();
    return { records, result };
  } finally {
    // Also after a refusal: what is under way must not reach the next run. In the SDK, but not in its types.
    await (pulumi.runtime as any).waitForRPCs();
  }
};

/** The value of an output, for assertions. */
export const valueOf = async <T>(output: pulumi.Output<T>): Promise<T> =>
  await new Promise((resolve) => {
    output.apply(resolve);
  });
