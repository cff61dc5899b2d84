import type { RuleGroup } from "./types.ts";

/** A certificate of the internal CA, and when it ends. */
export interface CertificateEnd {
  readonly name: string;
  /** Seconds since 1970. */
  readonly seconds: number;
}

/** Any `pulumi up` in the last year renews; who has not run one by then is told. */
export const warnDays = 90;

const left = ({ name, seconds }: CertificateEnd): string =>
  `label_replace(vector(${String(seconds)}) - time() < ${String(warnDays)} * 86400, "certificate", "${name}", "", "")`;

/** No metric is asked: when a certificate ends is known when the rules are made. */
export const certificateRules = (certificates: readonly CertificateEnd[]): RuleGroup => ({
  name: "certificates",
  alerts: [
    {
      name: "CertificateExpiring",
      expr: certificates.map(left).join(" or "),
      severity: "high",
      summary:
        "Certificate {{ $labels.certificate }} ends in {{ $value | humanizeDuration }}, and its service with it.",
    },
  ],
});
