import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { Agent, request } from "node:https";
import { connect, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";

import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";

import { renderTlsFront } from "../../../components/app/tlsFront.ts";

/** The script as node runs it, before a plain HTTP server on the loopback. */

// It starts programs; a busy machine takes its time.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const root = mkdtempSync(join(tmpdir(), "tls-front-"));
const large = Buffer.alloc(3_000_000, "0123456789");
let backend: Server;
let front: ChildProcess;
let port = 0;
let said = "";

const certificate = (name: string): void => {
  execFileSync("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
    ...["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:api.test"],
    ...["-keyout", join(root, `${name}.key`), "-out", join(root, `${name}.crt`)],
  ]);
};
const install = (name: string): void => {
  copyFileSync(join(root, `${name}.crt`), join(root, "tls.crt"));
  copyFileSync(join(root, `${name}.key`), join(root, "tls.key"));
};

const until = async (what: string, done: () => boolean): Promise<void> => {
  for (const deadline = Date.now() + 30_000; !done();) {
    if (Date.now() > deadline) throw new Error(`waited 30 s for ${what}; it said: ${said}`);
    await new Promise((next) => setTimeout(next, 20));
  }
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((ready) => server.once("listening", ready));
  const { port: free } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return free;
};

interface Reply {
  readonly status: number | undefined;
  readonly body: Buffer;
}
const ask = (path: string, authority: string, body?: Buffer): Promise<Reply> =>
  new Promise((done, fail) => {
    const agent = new Agent({ keepAlive: false, ca: readFileSync(join(root, `${authority}.crt`)) });
    const options = { agent, servername: "api.test", method: body === undefined ? "GET" : "POST" };
    const sent = request(`https://127.0.0.1:${String(port)}${path}`, options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () => done({ status: response.statusCode, body: Buffer.concat(chunks) }));
      response.on("error", fail);
    });
    sent.on("error", fail);
    sent.end(body);
  });

/** What the other end says before it closes. */
const raw = (text: string): Promise<string> =>
  new Promise((done) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => done(answer));
  });

beforeAll(async () => {
  certificate("first");
  certificate("second");
  install("first");
  backend = createServer((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("end", () => {
      response.setHeader("connection", "close");
      response.end(
        incoming.url === "/large" ? large : `${incoming.url ?? ""} ${String(Buffer.concat(chunks).length)}`,
      );
    });
  }).listen(0, "127.0.0.1");
  backend.on("upgrade", (_incoming, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
    socket.on("error", () => undefined); // the client leaves without a word
    socket.pipe(socket);
  });
  await new Promise((ready) => backend.once("listening", ready));
  port = await freePort();
  const script = join(root, "front.mjs");
  const places = {
    directory: root,
    listen: port,
    backend: (backend.address() as AddressInfo).port,
    periodSeconds: 0.1,
  };
  writeFileSync(script, renderTlsFront(places));
  front = spawn(process.execPath, [script]);
  front.stdout?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  front.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await until("it to listen", () => said.includes("listening"));
});

afterAll(() => {
  front.kill("SIGKILL");
  backend.close();
  rmSync(root, { recursive: true, force: true });
});

describe("TLS before the API", () => {
  it("passes requests and whole answers, also when the API closes", async () => {
    expect(await ask("/visits", "first", Buffer.alloc(200_000))).toEqual({
      status: 200,
      body: Buffer.from("/visits 200000"),
    });
    const { body } = await ask("/large", "first");
    expect(body.equals(large)).toBe(true);
  });

  it("passes what is no HTTP any more: a WebSocket", async () => {
    const answer = await new Promise<string>((done, fail) => {
      const socket = connectTls({
        port,
        host: "127.0.0.1",
        servername: "api.test",
        ca: readFileSync(join(root, "first.crt")),
      });
      let text = "";
      socket.write("GET /ws HTTP/1.1\r\nHost: api.test\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n");
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.endsWith("\r\n\r\n")) socket.write("ping-1");
        if (text.endsWith("ping-1")) socket.destroy();
      });
      socket.on("error", fail);
      socket.on("close", () => done(text));
    });
    expect(answer).toMatch(/^HTTP\/1\.1 101 [^]*\r\n\r\nping-1$/);
  });

  it("answers nothing to plain HTTP, and logs nothing of it", async () => {
    const answer = await raw("GET /visits?tenant=canary HTTP/1.1\r\nHost: api.test\r\n\r\n");
    expect(answer).not.toContain("HTTP/1.1");
    expect(said).not.toContain("canary");
  });

  it("takes over a changed certificate, and keeps the old one when the new one is broken", async () => {
    install("second");
    await until("the second certificate", () => said.includes("took over the changed certificate"));
    expect((await ask("/again", "second")).status).toBe(200);
    await expect(ask("/again", "first")).rejects.toThrow(/self-signed certificate/);
    writeFileSync(join(root, "tls.crt"), "not a certificate");
    await until("the complaint", () => said.includes("keeps the certificate it has"));
    expect((await ask("/again", "second")).status).toBe(200);
  });

  it("survives an API that is away and a client that leaves in the middle", async () => {
    await new Promise<void>((done) => {
      const socket = connectTls(
        { port, host: "127.0.0.1", servername: "api.test", rejectUnauthorized: false },
        () => {
          socket.write("POST /visits HTTP/1.1\r\nHost: api.test\r\nContent-Length: 1000\r\n\r\nhalf");
          socket.destroy();
          done();
        },
      );
      socket.on("error", () => undefined);
    });
    backend.closeAllConnections();
    await new Promise((closed) => backend.close(closed));
    await expect(ask("/visits", "second")).rejects.toThrow();
    expect(front.exitCode).toBeNull();
  });

  it("ends when it is told to", async () => {
    front.kill("SIGTERM");
    await until("its end", () => front.exitCode !== null);
    expect(front.exitCode).toBe(0);
  });
});
