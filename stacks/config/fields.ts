/** Kinds of values that several settings share. The error texts are the end of "<key>: <value seen> …". */

import * as z from "zod";
import { isAddress, parseCidr } from "./network.ts";
import { isCron, isTimeZone } from "./syntax.ts";

export const text = (check: (value: string) => boolean, error: string): z.ZodString =>
  z.string().refine(check, { error });

export const count = (low: number, high: number): z.ZodInt => z.int().min(low).max(high);

export const cidr = text(
  (v) => parseCidr(v) !== undefined,
  "must be an IPv4 network with no bits behind the prefix, such as 203.0.113.0/24",
);
export const address = text(isAddress, "must be an IPv4 address or a host name in lower case");

export const cron = text(isCron, 'must be five numeric cron fields such as "15 */6 * * *"');
export const timeZone = text(isTimeZone, "must be the name of a time zone such as Etc/UTC or Europe/Berlin");

/** A number that people raise to roll what must be rolled. */
export const rotation = count(0, 1_000_000).default(0);

export const pem = z
  .string()
  .regex(/^-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n?$/, {
    error: "must be one PEM certificate",
  });
