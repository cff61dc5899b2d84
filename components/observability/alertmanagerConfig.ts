import { stringify } from "yaml";
import { monitoringLayout } from "./layout.ts";

/** Who gets the alerts. Secrets are not here: they lie in files. */
export type Receiver =
  | { readonly kind: "webhook" }
  | {
      readonly kind: "smtp";
      readonly host: string;
      /** 465 is TLS from the first byte, every other one STARTTLS. */
      readonly port: number;
      readonly from: string;
      readonly to: string;
      readonly username: string;
    };

export interface AlertmanagerConfigArgs {
  readonly receiver: Receiver;
  /** Report to an outside watchdog as long as everything works. */
  readonly deadMansSwitch: boolean;
  /** Receiver and switch are verified against the internal CA, because their addresses are private. */
  readonly privateReceivers: boolean;
}

/** Files below the secret directory; also the keys of the Secret. */
export const receiverFiles = {
  webhookUrl: "webhook-url",
  smtpPassword: "smtp-password",
  deadMansSwitchUrl: "dead-mans-switch-url",
} as const;

/** Names in the configuration and in the metrics. */
export const receivers = {
  people: "people",
  test: "test",
  deadMansSwitch: "dead-mans-switch",
  nobody: "nobody",
} as const;

/** The alert that `alert:test` sends; it has a receiver of its own, so that its fate can be told from others'. */
export const testAlertName = "PlatformTestAlert";

/** How often the outside watchdog hears from us. It should raise the alarm after three silent ones. */
export const deadMansSwitchMinutes = 5;

const { secretDirectory, authorityDirectory } = monitoringLayout.alertmanager;
const file = (name: string): string => `${secretDirectory}/${name}`;

/** `alertmanager.yaml`. No secret is in it, so it may be read by anyone. */
export const renderAlertmanagerConfig = (args: AlertmanagerConfigArgs): string =>
  stringify(
    {
      global: { resolve_timeout: "5m", ...smtpSettings(args.receiver) },
      route: route(args.deadMansSwitch),
      inhibit_rules: inhibitRules,
      receivers: [
        { name: receivers.people, ...integration(args) },
        { name: receivers.test, ...integration(args) },
        ...(args.deadMansSwitch
          ? [
              {
                name: receivers.deadMansSwitch,
                webhook_configs: [webhook(args, receiverFiles.deadMansSwitchUrl)],
              },
            ]
          : []),
        { name: receivers.nobody },
      ],
    },
    { lineWidth: 0 },
  );

const smtpSettings = (receiver: Receiver): Record<string, unknown> =>
  receiver.kind === "smtp"
    ? {
        smtp_smarthost: `${receiver.host}:${String(receiver.port)}`,
        smtp_from: receiver.from,
        smtp_auth_username: receiver.username,
        smtp_auth_password_file: file(receiverFiles.smtpPassword),
        smtp_require_tls: receiver.port !== 465,
      }
    : {};

const route = (deadMansSwitch: boolean): Record<string, unknown> => ({
  receiver: receivers.people,
  group_by: ["stack", "alertname", "namespace"],
  group_wait: "30s",
  group_interval: "5m",
  repeat_interval: "4h",
  routes: [
    {
      matchers: ['alertname="Watchdog"'],
      receiver: deadMansSwitch ? receivers.deadMansSwitch : receivers.nobody,
      group_wait: "0s",
      group_interval: "1m",
      repeat_interval: `${String(deadMansSwitchMinutes)}m`,
    },
    {
      matchers: [`alertname="${testAlertName}"`],
      receiver: receivers.test,
      group_by: ["..."],
      group_wait: "0s",
    },
    {
      matchers: ['severity="critical"'],
      receiver: receivers.people,
      group_wait: "10s",
      repeat_interval: "1h",
    },
    { matchers: ['severity="warning"'], receiver: receivers.people, repeat_interval: "24h" },
  ],
});

/** One cause, one call in the night. */
const inhibitRules: readonly Record<string, unknown>[] = [
  inhibit("NodeNotReady", "PodCrashLooping|PodUnschedulable|DeploymentUnavailable|TargetDown|TargetMissing"),
  inhibit(
    "PostgresDown",
    "DatabaseTakesNoWrites|LongTransaction|ConnectionSaturation|PgBouncerWaiting|ArchiveStale",
  ),
  inhibit("ApplicationReadOnly", "DatabaseTakesNoWrites|WalVolumeFilling"),
  inhibit("ArchiveFailing", "ArchiveStale"),
  inhibit("DiskAlmostFull", "DiskWillFill"),
];

function inhibit(source: string, targets: string): Record<string, unknown> {
  return {
    source_matchers: [`alertname="${source}"`],
    target_matchers: [`alertname=~"${targets}"`],
    equal: ["stack"],
  };
}

const integration = (args: AlertmanagerConfigArgs): Record<string, unknown> =>
  args.receiver.kind === "webhook"
    ? { webhook_configs: [webhook(args, receiverFiles.webhookUrl)] }
    : {
        email_configs: [
          {
            to: args.receiver.to,
            send_resolved: true,
            ...(args.privateReceivers ? { tls_config: privateTls } : {}),
            headers: { Subject: "[{{ .Status }}] {{ .CommonLabels.alertname }} ({{ .CommonLabels.stack }})" },
            html: "",
            text: mailText,
          },
        ],
      };

const mailText = [
  "{{ range .Alerts }}",
  "{{ .Status }}: {{ .Labels.alertname }} ({{ .Labels.severity }}, {{ .Labels.stack }})",
  "{{ .Annotations.summary }}",
  "since {{ .StartsAt }}; what to do: {{ .Annotations.runbook_url }}",
  "{{ end }}",
].join("\n");

const privateTls = { ca_file: `${authorityDirectory}/ca.crt` };

const webhook = (args: AlertmanagerConfigArgs, urlFile: string): Record<string, unknown> => ({
  url_file: file(urlFile),
  send_resolved: urlFile !== receiverFiles.deadMansSwitchUrl,
  max_alerts: 50,
  http_config: { follow_redirects: false, ...(args.privateReceivers ? { tls_config: privateTls } : {}) },
});
