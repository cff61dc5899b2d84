import { describe, expect, it } from "vitest";
import {
  contains,
  isAddress,
  isDomain,
  overlaps,
  parseCidr,
  parseIpv4,
} from "../../../stacks/config/network.ts";
import type { Cidr } from "../../../stacks/config/network.ts";
import { nearest, seen } from "../../../stacks/config/problems.ts";
import { hostKeyProblem, isAbsolutePath, isCron, isFlag, isUrlPath } from "../../../stacks/config/syntax.ts";
import { exampleSettings } from "./examples.ts";

const cidr = (text: string): Cidr => {
  const parsed = parseCidr(text);
  if (parsed === undefined) throw new Error(`${text} is no CIDR`);
  return parsed;
};

describe("addresses and networks", () => {
  it.each([
    ["0.0.0.0", 0],
    ["10.0.0.1", 167772161],
    ["255.255.255.255", 4294967295],
  ])("%s is an address", (text, value) => {
    expect(parseIpv4(text)).toBe(value);
  });

  it.each(["", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1.2.3.-4", "a.b.c.d", "1.2.3.4 ", "::1"])(
    "%j is no address",
    (text) => {
      expect(parseIpv4(text)).toBeUndefined();
    },
  );

  it.each([
    ["10.0.0.0/8", { base: 0x0a000000, prefix: 8 }],
    ["0.0.0.0/0", { base: 0, prefix: 0 }],
    ["203.0.113.7/32", { base: 0xcb007107, prefix: 32 }],
    ["192.168.128.0/17", { base: 0xc0a88000, prefix: 17 }],
  ])("%s is a network", (text, network) => {
    expect(parseCidr(text)).toEqual(network);
  });

  it.each(["10.0.0.0", "10.0.0.0/33", "10.0.0.1/24", "10.0.0.0/08", "10.0.0.0/-1", "fd00::/8", "/8"])(
    "%s is no network",
    (text) => {
      expect(parseCidr(text)).toBeUndefined();
    },
  );

  it.each([
    ["10.0.0.0/8", "10.42.0.0/16", true],
    ["10.42.0.0/16", "10.0.0.0/8", true],
    ["10.42.0.0/16", "10.43.0.0/16", false],
    ["0.0.0.0/0", "203.0.113.7/32", true],
    ["10.0.0.0/9", "10.128.0.0/9", false],
  ])("%s and %s overlap: %s", (a, b, expected) => {
    expect(overlaps(cidr(a), cidr(b))).toBe(expected);
  });

  it("knows first and last address of a network", () => {
    const network = cidr("203.0.113.16/28");
    const inside = ["203.0.113.15", "203.0.113.16", "203.0.113.31", "203.0.113.32"].map((text) =>
      contains(network, parseIpv4(text) ?? -1),
    );
    expect(inside).toEqual([false, true, true, false]);
  });

  it.each(["example.com", "a.b-c.example", "xn--bcher-kva.example"])("%s is a domain", (text) => {
    expect(isDomain(text)).toBe(true);
  });

  it.each(["example", "Example.com", "-a.com", "a..com", "example.com.", "1.2.3.4", `${"a".repeat(64)}.com`])(
    "%s is no domain",
    (text) => {
      expect(isDomain(text)).toBe(false);
    },
  );

  it.each([
    ["host", true],
    ["host.example.com", true],
    ["203.0.113.1", true],
    ["203.0.113.300", false],
    ["host_1", false],
    ["root@host", false],
  ])("%s can be pointed at: %s", (text, expected) => {
    expect(isAddress(text)).toBe(expected);
  });
});

describe("small grammars", () => {
  it.each(["15 */6 * * *", "0 0 1,15 * 1-5", "*/5 0-6 * 1 6", "0 3 * * 0"])("%s is cron", (text) => {
    expect(isCron(text)).toBe(true);
  });

  it.each([
    "@daily",
    "* * * *",
    "* * * * * *",
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "5-1 * * * *",
    "*/0 * * * *",
    "a * * * *",
    "*  * * * *",
  ])("%s is no cron", (text) => {
    expect(isCron(text)).toBe(false);
  });

  it.each([
    ["max-pods=50", true],
    ["eviction-hard=memory.available<200Mi", true],
    ["--max-pods=50", false],
    ["max-pods", false],
    ["max-pods=", false],
    ["a=b c", false],
    ["a=b\nc=d", false],
  ])("%j is a flag: %s", (text, expected) => {
    expect(isFlag(text)).toBe(expected);
  });

  it.each([
    ["/srv/hc-prod", true],
    ["/", false],
    ["/srv/", false],
    ["/srv/../etc", false],
    ["srv", false],
    ["/srv/a b", false],
    ["/srv/$(id)", false],
  ])("%s is a plain absolute path: %s", (text, expected) => {
    expect(isAbsolutePath(text)).toBe(expected);
  });

  it.each([
    ["/health/api", true],
    ["/", true],
    ["health", false],
    ["/a?b", false],
    ["/a b", false],
  ])("%s is a path of a URL: %s", (text, expected) => {
    expect(isUrlPath(text)).toBe(expected);
  });

  it("knows a well-formed ed25519 key from a damaged one", () => {
    const good = (exampleSettings("production")["platform:host"] as { hostKey: string }).hostKey;
    expect(hostKeyProblem(good)).toBeUndefined();
    expect(hostKeyProblem(good.slice(0, -1))).toMatch(/^is cut off or damaged/);
    expect(hostKeyProblem(good.replace("ssh-ed25519", "ssh-rsa"))).toMatch(/^must be an ed25519 key/);
    expect(hostKeyProblem(`${good} root@host`)).toBe("must end after the key: remove the comment");
    expect(hostKeyProblem("")).toMatch(/^must be an ed25519 key/);
  });
});

describe("hints", () => {
  it.each([
    ["hostkey", "hostKey"],
    ["adress", "address"],
    ["completely-else", undefined],
  ])("%s is near %s", (key, expected) => {
    expect(nearest(key, ["hostKey", "address", "user"])).toBe(expected);
  });

  it("cut a long value", () => {
    expect(seen("x".repeat(200))).toHaveLength(61);
    expect(seen({ a: 1 })).toBe('{"a":1}');
  });
});
