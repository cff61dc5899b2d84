/** alert:test: the way to a stack's Alertmanager, and what to say about it. */

import { parseArgs } from "node:util";
import { monitoringLayout } from "../../../components/observability/layout.ts";
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

/** What of the way to the host is needed here. */
export type Reach = Pick<HostAccess, "kubectl" | "must">;

/**
 * Alertmanager by its Service, from the host: no port has to be open. Not through the API server, because
 * `kubectl create --raw` names no media type and Alertmanager refuses that.
 */
export const alertmanagerAt = (host: Reach, address: string): AlertmanagerApi => {
  const curl = (path: string, ...more: readonly string[]): string[] => [
    ...["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "20", "--noproxy", "*"],
    ...[...more, `http://${address}:${String(monitoringLayout.alertmanager.port)}${path}`],
  ];
  return {
    get: (path) => host.must(curl(path), { timeoutSeconds: 30 }),
    post: (path, body) =>
      host.must(curl(path, "--header", "Content-Type: application/json", "--data-binary", "@-"), {
        input: body,
        timeoutSeconds: 30,
      }),
  };
};

/** Address of the Service. */
const serviceAddress = async (host: Reach, namespace: string): Promise<string> => {
  const path = "jsonpath={.spec.clusterIP}";
  const found = await host.kubectl([
    ...["-n", namespace, "get", "service", "alertmanager"],
    ...["--ignore-not-found", "-o", path],
  ]);
  if (found.trim() === "")
    throw new UserError(
      `${namespace}: there is no Alertmanager; add platform:monitoring to the stack file and run pulumi up`,
    );
  return found.trim();
};

export const alertTest = async (argv: readonly string[], print: (line: string) => void): Promise<void> => {
  const options = parseOptions(argv);
  const choice = { name: options.stack, configFile: options.configFile };
  const place = findStack(choice);
  const namespace = `${place.prefix}-monitoring`;
  print(`reaching Alertmanager of ${options.stack} through ${place.login.address}`);
  const host = await HostAccess.open(place, choice);
  try {
    await sendTestAlert({
      api: alertmanagerAt(host, await serviceAddress(host, namespace)),
      print,
      timeoutSeconds: options.timeoutSeconds,
    });
  } finally {
    host.close();
  }
};
