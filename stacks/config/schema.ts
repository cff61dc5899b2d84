/**
 * The shape of stack config, key by key. One source for the parser, the editors' JSON schema, Pulumi.yaml and the
 * configuration reference: a description here is the text that people read there.
 *
 * Rules that need more than one key stand in rules.ts.
 */

import * as z from "zod";
import { imageNames, isImageRef } from "../../components/workload/images.ts";
import type { ImageName, ImageRef } from "../../components/workload/images.ts";
import { cache, data } from "./data-schema.ts";
import { cidr, count, rotation, text } from "./fields.ts";
import { cluster, host } from "./host-schema.ts";
import { monitoring } from "./monitoring-schema.ts";
import { isDomain } from "./network.ts";
import { isUrlPath } from "./syntax.ts";

const vps = z.strictObject({
  cpus: count(1, 256).describe("Processors of the machine as ordered."),
  memoryMiB: count(1024, 1_048_576).describe("Memory of the machine as ordered, in MiB (8 GB = 8192)."),
  diskGiB: count(10, 65_536).describe("Disk of the machine as ordered, in GiB."),
});

const imageOverride = text(
  isImageRef,
  'must be registry/repository:tag@sha256:<64 hex>; "npm run images:pin" finds the digest of a tag',
)
  .transform((ref) => ref as ImageRef)
  .optional();
const imageShape = Object.fromEntries(
  imageNames.map((name) => [name, imageOverride.describe(`Replaces the image "${name}" of the catalogue.`)]),
) as Record<ImageName, typeof imageOverride>;

const app = z.strictObject({
  apiReplicas: count(1, 50).optional().describe("Number of API pods. Default: the profile decides."),
  workerEnabled: z.boolean().default(true).describe("Run the background worker."),
  healthPath: text(isUrlPath, "must be a path such as /health/api")
    .default("/health/api")
    .describe("Readiness of the API: may look at the database."),
  livenessPath: text(isUrlPath, "must be a path such as /health/live")
    .default("/health/live")
    .describe("Liveness of the API: must not look at the database, or its outage restarts every pod."),
  migrationCommand: z
    .array(z.string().min(1))
    .min(1)
    .default(["node", "dist/migrate.js"])
    .describe("Command of the migration job, run in the app image before a new API version."),
  rotation: rotation.describe("Raise it to roll API and worker after a secret was changed."),
});

/** Every plain key, at the level of `platform:<key>`. */
export const settingsShape = {
  prefix: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,14}[a-z0-9]$/, {
      error: "must be 2 to 16 characters: lower-case letters, digits, dashes, first a letter",
    })
    .describe(
      "Carried by every cluster- and host-wide name, because two stacks may share one host. Fixed from day one.",
    ),
  domain: text(isDomain, "must be a domain name in lower case such as example.com").describe(
    "The API is served at api.<domain>.",
  ),
  profile: z
    .enum(["tiny", "small", "medium", "large"])
    .describe("Size of every part: tiny (2 CPU, 4 GB), small (8 GB), medium (12 GB), large (24 GB)."),
  handlesPhi: z
    .boolean()
    .describe(
      "True as soon as real patient data may enter. Demands baaReference, adminCidrs, encryption, backups, monitoring.",
    ),
  baaReference: z
    .string()
    .min(3)
    .optional()
    .describe(
      "Where the signed business associate agreement with the host's provider is filed. Required with handlesPhi.",
    ),
  adminCidrs: z
    .array(cidr)
    .default([])
    .describe("Networks from which people administer: SSH and the Kubernetes API. Required with handlesPhi."),
  vps: vps.describe("The machine as ordered; the resource budget is checked against it."),
  host: host.optional().describe("The machine and how to reach it. Only with cluster.source own."),
  cluster: cluster.describe("The Kubernetes cluster: own, or shared with another stack."),
  images: z.strictObject(imageShape).prefault({}).describe("Replacements for images of the catalogue."),
  data: data.describe("What holds data."),
  cache: cache.prefault({}).describe("What holds data for a while."),
  app: app.prefault({}).describe("The healthcare backend."),
  ingress: z
    .strictObject({
      tls: z.literal("internal").default("internal").describe("Certificates from the internal CA."),
      rotation: rotation.describe("Raise it to roll the ingress after a certificate was changed."),
    })
    .prefault({})
    .describe("The entry for HTTP."),
  monitoring: monitoring
    .optional()
    .describe("Metrics and alerts. Without it nothing is watched. Required with handlesPhi."),
  caCertificate: z
    .string()
    .regex(/^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?$/, {
      error: "must be one PEM certificate; stack:init makes it",
    })
    .describe("Certificate of the internal CA, PEM. Not a secret."),
} as const;

export type SettingKey = keyof typeof settingsShape;

/** One parsed plain setting. */
export type Parsed<K extends SettingKey> = z.output<(typeof settingsShape)[K]>;

/** Whatever could be parsed: a key that is missing here had a problem of its own. */
export type PartialSettings = { readonly [K in SettingKey]?: Parsed<K> };

export const settingKeys = Object.keys(settingsShape) as readonly SettingKey[];
