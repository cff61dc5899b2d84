/** Sends one alert and follows it: Alertmanager counts, per receiver, what was tried and what was taken. */

import { setTimeout as pause } from "node:timers/promises";
import { receivers, testAlertName } from "../../../components/observability/alertmanagerConfig.ts";
import { UserError } from "../user-error.ts";

export interface AlertmanagerApi {
  readonly get: (path: string) => Promise<string>;
  readonly post: (path: string, body: string) => Promise<string>;
}

export interface SendArgs {
  readonly api: AlertmanagerApi;
  readonly print: (line: string) => void;
  readonly timeoutSeconds: number;
  /** @default 2 */
  readonly pauseSeconds?: number;
  /** @default the clock */
  readonly now?: () => Date;
}

export interface Counts {
  /** Requests to the receiver. */
  readonly tried: number;
  /** Those that it did not take. */
  readonly failed: number;
  /** Notifications that were given up, by reason. */
  readonly givenUp: Readonly<Record<string, number>>;
}

const series = /^(\w+)\{([^}]*)\} ([0-9.e+]+)$/;
const label = (labels: string, name: string): string | undefined =>
  new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1];

/** What became of the notifications of one receiver so far, from Alertmanager's own metrics. */
export const countsOf = (metrics: string, receiver: string): Counts => {
  const own = metrics.split("\n").flatMap((line) => {
    const [, name = "", labels = "", value = ""] = series.exec(line) ?? [];
    return label(labels, "receiver_name") === receiver ? [{ name, labels, value: Number(value) }] : [];
  });
  const sum = (metric: string): number =>
    own.filter(({ name }) => name === metric).reduce((total, { value }) => total + value, 0);
  const givenUp = own
    .filter(({ name }) => name === "alertmanager_notifications_failed_total")
    .map(({ labels, value }) => [label(labels, "reason") ?? "unknown", value] as const);
  return {
    tried: sum("alertmanager_notification_requests_total"),
    failed: sum("alertmanager_notification_requests_failed_total"),
    givenUp: Object.fromEntries(givenUp),
  };
};

const alertLifeMinutes = 5;

/** It ends by itself; `instance` makes it one of its own, so that two tests are two notifications. */
const testAlert = (now: Date): string =>
  JSON.stringify([
    {
      labels: {
        alertname: testAlertName,
        severity: "none",
        instance: `alert-test-${now.toISOString().replaceAll(/[:.]/g, "-")}`,
      },
      annotations: { summary: "A test: somebody ran alert:test. Nothing is wrong." },
      startsAt: now.toISOString(),
      endsAt: new Date(now.getTime() + alertLifeMinutes * 60_000).toISOString(),
    },
  ]);

/**
 * Sends a test alert and waits until the receiver has taken it.
 * @throws UserError when it refused, or said nothing in time
 */
export const sendTestAlert = async (args: SendArgs): Promise<void> => {
  const { api, print, timeoutSeconds } = args;
  const clock = args.now ?? (() => new Date());
  const read = async (receiver: string): Promise<Counts> => countsOf(await api.get("/metrics"), receiver);
  const before = await read(receivers.test);
  const began = clock().getTime();
  await api.post("/api/v2/alerts", testAlert(clock()));
  print(`sent ${testAlertName}; waiting up to ${String(timeoutSeconds)} s for the receiver`);
  const seconds = (): number => Math.round((clock().getTime() - began) / 1000);
  let refusals = 0;
  for (;;) {
    const outcome = compare(before, await read(receivers.test));
    if (outcome.taken) break;
    if (outcome.failed > refusals) {
      refusals = outcome.failed;
      print(`attempt ${String(refusals)} was not accepted; Alertmanager tries again`);
    }
    if (outcome.reasons.length > 0 || seconds() >= timeoutSeconds) throw refusal(outcome, timeoutSeconds);
    await pause((args.pauseSeconds ?? 2) * 1000);
  }
  print(
    `accepted: the receiver took the test alert after ${String(seconds())} s; look for it where alerts arrive`,
  );
  await reportSwitch(api, print);
};

interface Outcome {
  readonly taken: boolean;
  readonly tried: number;
  readonly failed: number;
  /** Why Alertmanager gave up. */
  readonly reasons: readonly string[];
}

const compare = (before: Counts, now: Counts): Outcome => {
  const [tried, failed] = [now.tried - before.tried, now.failed - before.failed];
  const reasons = Object.keys(now.givenUp).filter((r) => (now.givenUp[r] ?? 0) > (before.givenUp[r] ?? 0));
  return { taken: tried > failed, tried, failed, reasons };
};

const refusal = ({ reasons, tried }: Outcome, timeoutSeconds: number): UserError =>
  reasons.length > 0
    ? new UserError(
        `the receiver does not take alerts (${reasons.join(", ")}); is its URL or password in the stack's config right? kubectl logs deploy/alertmanager says more`,
      )
    : new UserError(
        `no receiver took the test alert within ${String(timeoutSeconds)} s (${String(tried)} attempts); is it reachable from the cluster? kubectl logs deploy/alertmanager says more`,
      );

const reportSwitch = async (api: AlertmanagerApi, print: (line: string) => void): Promise<void> => {
  const { tried, failed } = countsOf(await api.get("/metrics"), receivers.deadMansSwitch);
  if (tried === 0) print("dead-man's switch: no report has been sent yet, or none is configured");
  else print(`dead-man's switch: ${String(tried - failed)} of ${String(tried)} reports were taken`);
};
