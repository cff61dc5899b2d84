import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TLSSocket } from "node:tls";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRelay } from "../../../scripts/lib/import/relay.ts";
import type { Relay } from "../../../scripts/lib/import/relay.ts";
import { withoutChannelBinding } from "../../../scripts/lib/import/sasl.ts";
import { parseSource } from "../../../scripts/lib/import/source-address.ts";
import { run } from "../../../scripts/lib/run.ts";

let directory: string;
let socket: string;
const servers: Server[] = [];
const relays: Relay[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "relay-test-"));
  socket = join(directory, "s");
});
afterEach(async () => {
  for (const relay of relays.splice(0)) await relay.close();
  for (const server of servers.splice(0)) server.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A server on the loopback; returns its port. */
const serve = (handle: (socket: Socket) => void): Promise<number> =>
  new Promise((done) => {
    const server = createServer(handle);
    servers.push(server);
    server.listen(0, "127.0.0.1", () => {
      done((server.address() as AddressInfo).port);
    });
  });

const relay = async (url: string, via?: string): Promise<Relay> => {
  const opened = await openRelay({ source: parseSource(url, via !== undefined), via, socket });
  relays.push(opened);
  return opened;
};

/** Sends `text` through the relay and returns what comes back until the other side closes, or until it was echoed. */
const through = (text: string): Promise<string> =>
  new Promise((done) => {
    let back = "";
    const client = connect(socket, () => client.write(text));
    client.on("data", (data: Buffer) => {
      back += data.toString();
      if (back.endsWith(text)) client.end();
    });
    client.on("error", () => undefined);
    client.on("close", () => {
      done(back);
    });
  });

describe("the way to the source", () => {
  it("carries bytes over TCP and through a command", async () => {
    const port = await serve((s) => s.pipe(s));
    await relay(`postgresql://u@127.0.0.1:${String(port)}/d`);
    expect(await Promise.all([through("one"), through("two")])).toEqual(["one", "two"]);
    await relays.pop()?.close();
    await relay("postgresql://u@elsewhere/d", "cat");
    expect(await through("three")).toBe("three");
  });

  it("says why a command or an address fails", async () => {
    const byCommand = await relay("postgresql://u@h/d", "echo no such container >&2; exit 3");
    expect(await through("x")).toBe("");
    await expect.poll(() => byCommand.problem()).toBe("--via: ended with 3: no such container");
    await relays.pop()?.close();
    const closed = await relay("postgresql://u@127.0.0.1:1/d");
    expect(await through("x")).toBe("");
    expect(closed.problem()).toContain("127.0.0.1:1: connect ECONNREFUSED");
  });
});

/** AuthenticationSASL with these mechanisms. */
const offer = (...names: readonly string[]): Buffer => {
  const body = Buffer.from(`${names.map((name) => `${name}\0`).join("")}\0`);
  const head = Buffer.from([
    ..."R".split("").map((c) => c.charCodeAt(0)),
    0,
    0,
    0,
    8 + body.length,
    0,
    0,
    0,
    10,
  ]);
  return Buffer.concat([head, body]);
};

describe("the offered logins", () => {
  const pass = async (...chunks: readonly Buffer[]): Promise<string> => {
    const edit = withoutChannelBinding();
    for (const chunk of chunks) edit.write(chunk);
    edit.end();
    const parts: Buffer[] = [];
    for await (const part of edit) parts.push(part as Buffer);
    return Buffer.concat(parts).toString("latin1");
  };
  const both = offer("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256");
  const plain = offer("SCRAM-SHA-256").toString("latin1");

  it("hold nothing that a client without TLS takes for an attack, in one piece or byte by byte", async () => {
    expect(await pass(both, Buffer.from("more"))).toBe(`${plain}more`);
    expect(await pass(...[...both].map((byte) => Buffer.from([byte])), both)).toBe(
      plain + both.toString("latin1"),
    );
    const version = Buffer.from([0x76, 0, 0, 0, 8, 0, 0, 0, 0]);
    expect(await pass(Buffer.concat([version, both]))).toBe(version.toString("latin1") + plain);
  });

  it("leave other answers alone", async () => {
    const ok = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0]);
    const error = Buffer.from("E\0\0\0\u0009FATAL");
    expect(await pass(ok, both)).toBe(ok.toString("latin1") + both.toString("latin1"));
    expect(await pass(error)).toBe(error.toString("latin1"));
    expect(await pass(Buffer.from("R\0"))).toBe("R\0");
  });
});

/** A server that speaks TLS as PostgreSQL does, with a certificate for `name`; it echoes. */
const serveTls = async (name: string): Promise<{ readonly port: number; readonly ca: string }> => {
  const [key, cert] = [join(directory, "key"), join(directory, "cert")];
  const made = await run("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"],
    ...["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-keyout", key, "-out", cert],
  ]);
  expect(made.code).toBe(0);
  const port = await serve((plain) => {
    plain.once("data", () => {
      plain.write("S");
      const secure = new TLSSocket(plain, {
        isServer: true,
        key: readFileSync(key),
        cert: readFileSync(cert),
      });
      secure.on("error", () => undefined);
      secure.write(offer("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"));
      secure.pipe(secure);
    });
    plain.on("error", () => undefined);
  });
  return { port, ca: cert };
};

describe("TLS to the source", () => {
  it("is used when the certificate and its name are right", async () => {
    const { port, ca } = await serveTls("localhost");
    await relay(`postgresql://u@localhost:${String(port)}/d?sslmode=verify-full&sslrootcert=${ca}`);
    expect(await through("secret")).toBe(`${offer("SCRAM-SHA-256").toString()}secret`);
  });

  it.each([
    ["verify-full", "another.test", "does not match"],
    ["verify-full", "localhost", "self-signed", false],
  ])("%s refuses a certificate for %s: %s", async (mode, name, message, known = true) => {
    const { port, ca } = await serveTls(name);
    const root = known ? `&sslrootcert=${ca}` : "";
    const opened = await relay(`postgresql://u@localhost:${String(port)}/d?sslmode=${mode}${root}`);
    expect(await through("secret")).toBe("");
    expect(opened.problem()).toContain("the certificate of the source was refused");
    expect(opened.problem()).toContain(message);
  });

  it("is used behind a command, too, when a CA is named", async () => {
    const { port, ca } = await serveTls("old.test");
    const command = `bash -c 'exec 3<>/dev/tcp/127.0.0.1/${String(port)}; cat <&3 & exec cat >&3'`;
    const opened = await relay(`postgresql://u@old.test/d?sslrootcert=${ca}`, command);
    expect(await through("secret")).toBe(`${offer("SCRAM-SHA-256").toString()}secret`);
    expect(opened.problem()).toBeUndefined();
  });

  it("verify-ca does not look at the name", async () => {
    const { port, ca } = await serveTls("another.test");
    await relay(`postgresql://u@localhost:${String(port)}/d?sslmode=verify-ca&sslrootcert=${ca}`);
    expect(await through("secret")).toContain("secret");
  });

  it("is not given up when the server has none", async () => {
    const port = await serve((s) => s.once("data", () => s.write("N")));
    const opened = await relay(`postgresql://u@localhost:${String(port)}/d?sslmode=require`);
    expect(await through("secret")).toBe("");
    expect(opened.problem()).toContain("the source offers no TLS, and sslmode is require");
  });
});
