import * as pulumi from "@pulumi/pulumi";

/** What the engine would be told about a resource. Secrets are shown as `{ secret: value }`. */
export interface Record_ {
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly inputs: Readonly<Record<string, unknown>>;
  readonly dependsOn: readonly string[];
  readonly additionalSecretOutputs: readonly string[];
  readonly timeouts: { readonly create: string; readonly update: string };
  readonly replaceOnChanges: readonly string[];
}

interface Request {
  getType(): string;
  getName(): string;
  getParent(): string;
  getObject(): { toJavaScript(): Record<string, unknown> } | undefined;
  getDependenciesList(): string[];
  getAdditionalsecretoutputsList(): string[];
  getReplaceonchangesList(): string[];
  getCustomtimeouts(): { getCreate(): string; getUpdate(): string } | undefined;
}
interface Monitor {
  registerResource(request: Request, done: unknown): unknown;
}

const secretSignature = "1b47061264138c4ac30d75fd1eb44270";

const shown = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(shown);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value);
  if (entries.some(([, v]) => v === secretSignature)) {
    return { secret: shown((value as Record<string, unknown>)["value"]) };
  }
  return Object.fromEntries(entries.map(([k, v]) => [k, shown(v)]));
};

const nameOf = (urn: string): string => urn.split("::").at(-1) ?? "";

export interface RunOptions {
  /** What a remote command prints, by resource name. */
  readonly stdout?: (name: string) => string;
  readonly preview?: boolean;
}

/** Runs a program under Pulumi's mocks and records every registration, as the engine would see it. */
export const record = async (program: () => void, options: RunOptions = {}): Promise<readonly Record_[]> => {
  const records: Record_[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs }: pulumi.runtime.MockResourceArgs) => {
        const state = inputs as Record<string, unknown>;
        if (type !== "command:remote:Command") return { id: `${name}-id`, state };
        return { id: `${name}-id`, state: { ...state, stdout: options.stdout?.(name) ?? "" } };
      },
      call: () => ({}),
    },
    "platform",
    "test",
    options.preview ?? false,
  );
  const runtime = pulumi.runtime as unknown as { getMonitor(): Monitor; waitForRPCs(): Promise<void> };
  const monitor = runtime.getMonitor();
  const register = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, done) => {
    if (request.getType() !== "pulumi:pulumi:Stack") {
      records.push({
        type: request.getType(),
        name: request.getName(),
        parent: nameOf(request.getParent()),
        inputs: shown(request.getObject()?.toJavaScript() ?? {}) as Record<string, unknown>,
        dependsOn: request.getDependenciesList().map(nameOf),
        additionalSecretOutputs: request.getAdditionalsecretoutputsList(),
        replaceOnChanges: request.getReplaceonchangesList(),
        timeouts: {
          create: request.getCustomtimeouts()?.getCreate() ?? "",
          update: request.getCustomtimeouts()?.getUpdate() ?? "",
        },
      });
    }
    return register(request, done);
  };
  try {
    program();
  } finally {
    await runtime.waitForRPCs();
  }
  return records;
};

/** The value of an output, once known. */
export const valueOf = <T>(output: pulumi.Output<T>): Promise<T> =>
  new Promise((resolve) => {
    output.apply((value) => {
      resolve(value);
    });
  });

/** Whether an output is secret. */
export const isSecret = (output: pulumi.Output<unknown>): Promise<boolean> =>
  (output as unknown as { isSecret: Promise<boolean> }).isSecret;

/** The one record with this name. */
export const named = (records: readonly Record_[], name: string): Record_ => {
  const found = records.filter((r) => r.name === name);
  const [first] = found;
  if (first === undefined || found.length > 1)
    throw new Error(`${String(found.length)} resources named ${name}`);
  return first;
};
