/** The internal certificate authority: made once, kept in stack config, never in Pulumi's state. */

import { randomBytes, webcrypto } from "node:crypto";
// The library injects its parts by decorators and asks for this first.
import "reflect-metadata";
import * as x509 from "@peculiar/x509";

export interface CertificateAuthority {
  /** PEM, public. */
  readonly certificate: string;
  /** PKCS #8 PEM, secret. */
  readonly privateKey: string;
}

const curve = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;
const years = 10;
/** Clocks of hosts differ: a certificate that is valid from "now" is refused by one that is slow. */
const backdateMs = 60 * 60 * 1000;

const pem = (label: string, der: ArrayBuffer): string => {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
};

/**
 * A self-signed CA: ECDSA P-256, 10 years, signs leaves only (path length 0).
 * @param prefix the stack's prefix; becomes part of the common name
 * @param now start of the validity, less one hour
 */
export const createCertificateAuthority = async (
  prefix: string,
  now: Date,
): Promise<CertificateAuthority> => {
  const keys = await webcrypto.subtle.generateKey(curve, true, ["sign", "verify"]);
  const notAfter = new Date(now);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + years);
  // RFC 5280: positive, at most 20 octets.
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial.toString("hex"),
    name: `CN=${prefix} internal CA`,
    notBefore: new Date(now.getTime() - backdateMs),
    notAfter,
    signingAlgorithm: curve,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return {
    certificate: pem("CERTIFICATE", certificate.rawData),
    privateKey: pem("PRIVATE KEY", await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)),
  };
};
