/** alert:test: the way to a stack's Alertmanager, and what to say about it. */

import { parseArgs } from "node:util";
import { findStack, HostAccess } from "../stack-access.ts";
import { UserError } from "../user-error.ts";
import { sendTestAlert, type AlertmanagerApi } from "./send.ts";

export const usage = `usage: npm run alert:test -- STACK [flags]

Sends a test alert through the stack's Alertmanager and waits until the receiver has taken it, or refused.

  --timeout SECONDS   how long to wait for the receiver; default 120
  --config-file PATH  another stack file than Pulumi.STACK.yaml
`;

export interface AlertTestOptions {
  readonly stack: string;
  readonly configFile: string | undefined;
  readonly timeoutSeconds: number;
}

const read = (argv: readonly string[]) => {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: { timeout: { type: "string", default: "120" }, "config-file": { type: "string" } },
    });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
};

/** @throws UserError with the usage */
export const parseOptions = (argv: readonly string[]): AlertTestOptions => {
  const { values, positionals } = read(argv);
  const [stack, ...more] = positionals;
  if (stack === undefined || more.length > 0) throw new UserError(`name one stack\n\n${usage}`);
  const timeoutSeconds = Number(values.timeout);
  if (!Number.isInteger(timeoutSeconds) || timeoutSeconds < 5 || timeoutSeconds > 3600)
    throw new UserError(`--timeout: "${values.timeout}" is not a number of seconds from 5 to 3600`);
  return { stack, configFile: values["config-file"], timeoutSeconds };
};

/** Alertmanager through the API server: no port has to be open, and whoever may not proxy may not send. */
const alertmanagerOf = (host: HostAccess, namespace: string): AlertmanagerApi => {
  const base = `/api/v1/namespaces/${namespace}/services/http:alertmanager:9093/proxy`;
  return {
    get: (path) => host.kubectl(["get", "--raw", `${base}${path}`], { timeoutSeconds: 30 }),
    post: (path, body) =>
      host.kubectl(["create", "--raw", `${base}${path}`, "-f", "-"], { input: body, timeoutSeconds: 30 }),
  };
};

export const alertTest = async (argv: readonly string[], print: (line: string) => void): Promise<void> => {
  const options = parseOptions(argv);
  const choice = { name: options.stack, configFile: options.configFile };
  const place = findStack(choice);
  const namespace = `${place.prefix}-monitoring`;
  print(`reaching Alertmanager of ${options.stack} through ${place.login.address}`);
  const host = await HostAccess.open(place, choice);
  try {
    const service = await host.kubectl([
      "-n",
      namespace,
      "get",
      "service",
      "alertmanager",
      "--ignore-not-found",
    ]);
    if (service.trim() === "")
      throw new UserError(
        `${namespace}: there is no Alertmanager; add platform:monitoring to the stack file and run pulumi up`,
      );
    await sendTestAlert({
      api: alertmanagerOf(host, namespace),
      print,
      timeoutSeconds: options.timeoutSeconds,
    });
  } finally {
    host.close();
  }
};
