/** The shape of the setting `monitoring`. */

import * as z from "zod";
import { address, cidr, count, rotation } from "./fields.ts";

const mail = z.string().regex(/^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+$/, { error: "must be a mail address" });

const receiver = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("webhook").describe("Alerts are posted to the secret alertWebhookUrl."),
  }),
  z.strictObject({
    kind: z.literal("smtp").describe("Alerts are mailed; the password is the secret alertSmtpPassword."),
    host: address.describe("Mail server; STARTTLS is required."),
    port: count(1, 65_535).default(587).describe("Its port."),
    from: mail.describe("Sender."),
    to: mail.describe("Receiver: a mailbox that somebody reads at night."),
    username: z
      .string()
      .regex(/^[\x21-\x7e]+$/, { error: "must be printable characters without spaces" })
      .describe("Login at the mail server."),
  }),
]);

export const monitoring = z.strictObject({
  retentionDays: count(1, 3650).default(15).describe("How long metrics are kept."),
  storageGiB: count(1, 1024).default(10).describe("Size of the metrics' volume, in GiB."),
  receiver: receiver.describe("Who gets the alerts."),
  deadMansSwitch: z
    .boolean()
    .default(true)
    .describe("Report to the secret deadMansSwitchUrl as long as alerting works; its silence is the alarm."),
  receiverCidrs: z
    .array(cidr)
    .default([])
    .describe(
      "Networks of receiver and switch, only when they have private addresses. Webhooks there are reached at ports 443 and 8443, and verified against the internal CA.",
    ),
  rotation: rotation.describe("Raise it to roll monitoring after a secret was changed."),
});
