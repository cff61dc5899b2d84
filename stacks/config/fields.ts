/** Kinds of values that several settings share. The error texts are the end of "<key>: <value seen> …". */

import * as z from "zod";
import { isAddress, parseCidr } from "./network.ts";

export const text = (check: (value: string) => boolean, error: string): z.ZodString =>
  z.string().refine(check, { error });

export const count = (low: number, high: number): z.ZodInt => z.int().min(low).max(high);

export const cidr = text(
  (v) => parseCidr(v) !== undefined,
  "must be an IPv4 network with no bits behind the prefix, such as 203.0.113.0/24",
);
export const address = text(isAddress, "must be an IPv4 address or a host name in lower case");
