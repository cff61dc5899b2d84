import { describe, expect, it } from "vitest";
import { alertmanagerAt, parseOptions } from "../../../scripts/lib/alert-test/run.ts";
import { countsOf, sendTestAlert, type AlertmanagerApi } from "../../../scripts/lib/alert-test/send.ts";

const metrics = (tried: number, failed: number, givenUp: Readonly<Record<string, number>> = {}): string =>
  [
    "# HELP alertmanager_notification_requests_total The total number of attempted notification requests.",
    'alertmanager_notification_requests_total{integration="webhook",receiver_name="people"} 7',
    `alertmanager_notification_requests_total{integration="webhook",receiver_name="test"} ${String(tried)}`,
    `alertmanager_notification_requests_failed_total{integration="webhook",receiver_name="test"} ${String(failed)}`,
    'alertmanager_notification_requests_total{integration="webhook",receiver_name="dead-mans-switch"} 12',
    'alertmanager_notification_requests_failed_total{integration="webhook",receiver_name="dead-mans-switch"} 1',
    ...Object.entries(givenUp).map(
      ([reason, count]) =>
        `alertmanager_notifications_failed_total{integration="webhook",reason="${reason}",receiver_name="test"} ${String(count)}`,
    ),
  ].join("\n");

/** An Alertmanager that shows these metrics, one after the other; the last one stays. */
const fake = (...shown: readonly string[]): { api: AlertmanagerApi; posted: string[] } => {
  const posted: string[] = [];
  let look = 0;
  return {
    posted,
    api: {
      get: () => Promise.resolve(shown[Math.min(look++, shown.length - 1)] ?? ""),
      post: (path, body) => {
        posted.push(`${path} ${body}`);
        return Promise.resolve("");
      },
    },
  };
};

const send = async (api: AlertmanagerApi): Promise<readonly string[]> => {
  const said: string[] = [];
  let at = Date.parse("2026-01-01T00:00:00Z");
  await sendTestAlert({
    api,
    print: (line) => said.push(line),
    timeoutSeconds: 30,
    pauseSeconds: 0,
    now: () => new Date((at += 1000)),
  });
  return said;
};

describe("alert:test", () => {
  it("reads what became of one receiver's notifications", () => {
    expect(countsOf(metrics(3, 1, { clientError: 2 }), "test")).toEqual({
      tried: 3,
      failed: 1,
      givenUp: { clientError: 2 },
    });
    expect(countsOf(metrics(3, 1), "nobody")).toEqual({ tried: 0, failed: 0, givenUp: {} });
  });

  it("says that the receiver took it, and how the dead-man's switch does", async () => {
    const { api, posted } = fake(metrics(2, 0), metrics(2, 0), metrics(3, 0));
    const said = await send(api);
    expect(said.at(-2)).toMatch(/^accepted: the receiver took the test alert after \d+ s/);
    expect(said.at(-1)).toBe("dead-man's switch: 11 of 12 reports were taken");
    expect(posted).toHaveLength(1);
    expect(posted[0]).toMatch(
      /^\/api\/v2\/alerts \[\{"labels":\{"alertname":"PlatformTestAlert","severity":"none"/,
    );
  });

  it("says what was refused, and goes on while Alertmanager does", async () => {
    const { api } = fake(metrics(0, 0), metrics(1, 1), metrics(2, 1));
    expect(await send(api)).toContain("attempt 1 was not accepted; Alertmanager tries again");
  });

  it("fails with the reason when Alertmanager gives up", async () => {
    const { api } = fake(metrics(0, 0), metrics(1, 1, { clientError: 1 }));
    await expect(send(api)).rejects.toThrow("does not take alerts (clientError)");
  });

  it("fails when nothing happens in time", async () => {
    await expect(send(fake(metrics(0, 0)).api)).rejects.toThrow("within 30 s (0 attempts)");
  });

  it("tells Alertmanager that it sends JSON, and keeps it off the command line", async () => {
    const ran: { argv: readonly string[]; input: string | undefined }[] = [];
    const api = alertmanagerAt(
      {
        kubectl: () => Promise.reject(new Error("not asked")),
        must: (argv, options) => {
          ran.push({ argv, input: options?.input });
          return Promise.resolve("");
        },
      },
      "10.43.0.9",
    );
    await api.post("/api/v2/alerts", "[]");
    await api.get("/metrics");
    expect(ran.map(({ argv, input }) => [argv[0], argv.at(-1), input])).toEqual([
      ["curl", "http://10.43.0.9:9093/api/v2/alerts", "[]"],
      ["curl", "http://10.43.0.9:9093/metrics", undefined],
    ]);
    expect(ran[0]?.argv).toContain("Content-Type: application/json");
    expect(ran[0]?.argv).toContain("--fail-with-body");
  });

  it("takes one stack and a time that makes sense", () => {
    expect(parseOptions(["staging"])).toEqual({
      stack: "staging",
      configFile: undefined,
      timeoutSeconds: 120,
    });
    expect(() => parseOptions([])).toThrow(/name one stack/);
    expect(() => parseOptions(["a", "b"])).toThrow(/name one stack/);
    expect(() => parseOptions(["a", "--timeout", "0"])).toThrow(/--timeout: "0"/);
    expect(() => parseOptions(["a", "--nonsense"])).toThrow(/usage: npm run alert:test/);
  });
});
