import type * as pulumi from "@pulumi/pulumi";

/** An entry of a container's `env`, with its name known at once. */
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: pulumi.Input<string>; readonly key: string };
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

/** Where a credential lies: never the credential itself. */
export interface SecretRef {
  readonly secretName: pulumi.Input<string>;
  readonly key: string;
}

/** Names whose value must not stand in a pod spec: it would be readable in state, in etcd and by anyone who may list pods. */
const secretWords = /(PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE|CREDENTIAL|API_?KEY|ACCESS_?KEY|DATABASE_URL)/;
/** A file name or a key's *name* is no secret. */
const harmless = /(_FILE|_PATH|_NAME|_DIR)$/;
const urlWithPassword = /:\/\/[^/\s:@]*:[^/\s@]+@/;

const checkName = (name: string): void => {
  if (!/^[A-Z][A-Z0-9_]*$/.test(name))
    throw new Error(`env "${name}": names are upper case letters, digits and _`);
};

/** The value of one key of a Secret. */
export const fromSecret = (name: string, ref: SecretRef): EnvVar => {
  checkName(name);
  return { name, valueFrom: { secretKeyRef: { name: ref.secretName, key: ref.key } } };
};

/** A field of the pod itself, e.g. `status.podIP`. */
export const fromField = (name: string, fieldPath: string): EnvVar => {
  checkName(name);
  return { name, valueFrom: { fieldRef: { fieldPath } } };
};

/**
 * A plain value.
 * @throws Error when the name or the value looks like a secret; the text never holds the value.
 */
export const value = (name: string, literal: string): EnvVar => {
  checkName(name);
  if ((secretWords.test(name) && !harmless.test(name)) || urlWithPassword.test(literal)) {
    throw new Error(
      `env "${name}": looks like a secret and would be stored in clear; use fromSecret("${name}", …)`,
    );
  }
  return { name, value: literal };
};

/** The names in `env`, without any value: what a definition's hash may hold. */
export const envShape = (env: readonly EnvVar[]): readonly string[] => env.map(({ name }) => name).sort();
