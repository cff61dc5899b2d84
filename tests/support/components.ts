import * as pulumi from "@pulumi/pulumi";
import type { CertificateAuthority, ResolvedImage } from "../../components/workload/index.ts";
import { record, type RunOptions } from "./harness.ts";
import type { ResourceRecord } from "./records.ts";

/** Arguments that many component tests need, and views on what a component made. */

export const authority = (): CertificateAuthority => ({
  certificate: "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n",
  privateKey: pulumi.secret("canary-ca-key"),
});

export const image = (name: ResolvedImage["name"], tag: string): ResolvedImage => ({
  name,
  ref: `registry.example.com/${name}:${tag}@sha256:${"0f".repeat(32)}`,
  tag,
  digest: "0f".repeat(32),
  carries: {},
});

/** What `build` made, without the component itself. */
export const children = async (
  component: string,
  build: () => unknown,
  options: RunOptions = {},
): Promise<readonly ResourceRecord[]> => {
  const { records } = await record(build, options);
  return records.filter((r) => r.name !== component);
};

/** `Kind name` of each child, sorted: the exact list that a component makes. */
export const inventory = (records: readonly ResourceRecord[]): readonly string[] =>
  records.map((r) => `${r.type.split(":").at(-1) ?? ""} ${r.name}`).sort();

/** The one child of that name. */
export const child = (records: readonly ResourceRecord[], name: string): ResourceRecord => {
  const found = records.filter((r) => r.name === name);
  if (found.length !== 1 || found[0] === undefined) {
    throw new Error(
      `${String(found.length)} children named ${name}; there are: ${records.map((r) => r.name).join(", ")}`,
    );
  }
  return found[0];
};
