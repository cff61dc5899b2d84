import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import * as tls from "@pulumi/tls";

/** The stack's internal CA, from config: it must survive the loss of state. */
export interface CertificateAuthority {
  /** PEM. */
  readonly certificate: string;
  /** PEM, secret. */
  readonly privateKey: pulumi.Output<string>;
}

export interface ServerCertificateArgs {
  readonly namespace: pulumi.Input<string>;
  /** Fixed: pods mount it by name and reload it when it changes. */
  readonly secretName: string;
  /** Every name that clients use; the first one is also the subject. */
  readonly dnsNames: readonly string[];
  readonly authority: CertificateAuthority;
}

/** What whoever watches over certificates has to know of one. */
export interface CertificateTerm {
  /** Of its Secret. */
  readonly name: string;
  /** RFC 3339, e.g. `2029-02-25T12:00:00Z`. */
  readonly ends: pulumi.Output<string>;
}

const hoursPerDay = 24;
/** The longest life that all clients accept. */
export const leafDays = 825;
/** Any `up` in the last year renews, so that one `up` a year is enough. */
export const renewalDays = 365;

/**
 * Creates a key and a server certificate signed by the internal CA, in a `kubernetes.io/tls` Secret (with `ca.crt`).
 * Does not restart anybody. State: the private key, encrypted; restore: any `up` makes a new one.
 */
export class ServerCertificate extends pulumi.ComponentResource {
  public readonly secretName: pulumi.Output<string>;
  public readonly term: CertificateTerm;

  constructor(name: string, args: ServerCertificateArgs, opts?: pulumi.ComponentResourceOptions) {
    // The CA's key stays out of the component's own inputs, which are stored too.
    super("platform:workload:ServerCertificate", name, { dnsNames: args.dnsNames }, opts);
    const commonName = args.dnsNames[0];
    if (commonName === undefined) throw new Error(`${name}: dnsNames is empty; a certificate needs a name`);
    const key = new tls.PrivateKey(
      `${name}-key`,
      { algorithm: "ECDSA", ecdsaCurve: "P256" },
      { parent: this },
    );
    const leaf = signedLeaf(this, name, args, key, commonName);
    const secret = new k8s.core.v1.Secret(
      `${name}-secret`,
      {
        metadata: { name: args.secretName, namespace: args.namespace },
        type: "kubernetes.io/tls",
        stringData: {
          "tls.crt": leaf.certPem,
          "tls.key": key.privateKeyPem,
          "ca.crt": args.authority.certificate,
        },
      },
      { parent: this },
    );
    this.secretName = secret.metadata.name;
    this.term = { name: args.secretName, ends: leaf.validityEndTime };
    this.registerOutputs({ secretName: this.secretName });
  }
}

const signedLeaf = (
  parent: ServerCertificate,
  name: string,
  args: ServerCertificateArgs,
  key: tls.PrivateKey,
  commonName: string,
): tls.LocallySignedCert => {
  const request = new tls.CertRequest(
    `${name}-request`,
    { privateKeyPem: key.privateKeyPem, subject: { commonName }, dnsNames: [...args.dnsNames] },
    { parent },
  );
  return new tls.LocallySignedCert(
    `${name}-leaf`,
    {
      certRequestPem: request.certRequestPem,
      caCertPem: args.authority.certificate,
      caPrivateKeyPem: args.authority.privateKey,
      validityPeriodHours: leafDays * hoursPerDay,
      earlyRenewalHours: renewalDays * hoursPerDay,
      allowedUses: ["digital_signature", "key_encipherment", "server_auth"],
    },
    { parent },
  );
};
