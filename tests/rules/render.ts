/**
 * Writes what monitoring is configured with, for the tools that check it: `node tests/rules/render.ts DIRECTORY`.
 * rules.yaml has every rule, prometheus.yaml every target of a stack that owns its machine, alertmanager-*.yaml every
 * kind of receiver.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  allTargets,
  renderAlertmanagerConfig,
  renderPrometheusConfig,
  renderRules,
  type AlertmanagerConfigArgs,
} from "../../components/observability/index.ts";
import { everyRule } from "./every-rule.ts";

const directory = process.argv[2];
if (directory === undefined) throw new Error("name the directory to write to");
mkdirSync(directory, { recursive: true });
const write = (name: string, content: string): void => {
  writeFileSync(join(directory, name), content);
};

write("rules.yaml", renderRules(everyRule));
const receivers = { ports: [443], cidrs: [] };
write(
  "prometheus.yaml",
  renderPrometheusConfig({
    prefix: "hc",
    targets: allTargets({ prefix: "hc", targets: [], receivers, node: true }),
  }),
);

const mail = { kind: "smtp", host: "mail.example.com", from: "a@example.com", to: "b@example.com" } as const;
const variants: Readonly<Record<string, AlertmanagerConfigArgs>> = {
  webhook: { receiver: { kind: "webhook" }, deadMansSwitch: true, privateReceivers: false },
  private: { receiver: { kind: "webhook" }, deadMansSwitch: true, privateReceivers: true },
  "without-switch": { receiver: { kind: "webhook" }, deadMansSwitch: false, privateReceivers: false },
  starttls: {
    receiver: { ...mail, port: 587, username: "alerts" },
    deadMansSwitch: true,
    privateReceivers: false,
  },
  tls: {
    receiver: { ...mail, port: 465, username: "alerts" },
    deadMansSwitch: false,
    privateReceivers: true,
  },
};
for (const [name, args] of Object.entries(variants))
  write(`alertmanager-${name}.yaml`, renderAlertmanagerConfig(args));
