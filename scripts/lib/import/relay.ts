/**
 * The operator's end of the way to the source: a socket in a private directory, where each connection is carried on to
 * the old server, over TLS or through a command. Nothing listens on the network.
 */

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect as connectTcp, createServer } from "node:net";
import type { Server, Socket } from "node:net";
import { Duplex } from "node:stream";
import { checkServerIdentity, connect as connectTls } from "node:tls";
import type { ConnectionOptions } from "node:tls";
import { isIP } from "node:net";
import { UserError } from "../user-error.ts";
import { withoutChannelBinding } from "./sasl.ts";
import type { SourceAddress } from "./source-address.ts";

export interface RelayArgs {
  readonly source: SourceAddress;
  /** A shell command whose standard streams are a connection to the source. @default TCP to host and port */
  readonly via?: string | undefined;
  /** Path of the socket; its directory is closed to others. */
  readonly socket: string;
}

export interface Relay {
  /** Why the last connection to the source failed, or undefined. */
  readonly problem: () => string | undefined;
  readonly close: () => Promise<void>;
}

const connectSeconds = 20;
/** "Do you speak TLS?" of PostgreSQL's protocol: length 8, code 80877103. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

const overTcp = (source: SourceAddress): Promise<Duplex> =>
  new Promise((resolve, reject) => {
    const where = `${source.host}:${String(source.port)}`;
    const socket = connectTcp({ host: source.host, port: source.port, keepAlive: true });
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no answer within ${String(connectSeconds)} s`));
    }, connectSeconds * 1000);
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(new UserError(`${where}: ${error.message}`));
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.setNoDelay(true);
      resolve(socket);
    });
  });

const overCommand = (command: string, note: (error: unknown) => void): Duplex => {
  const child = spawn("sh", ["-c", command], { stdio: ["pipe", "pipe", "pipe"] });
  let said = "";
  child.stderr.on("data", (chunk: Buffer) => (said = (said + chunk.toString("utf8")).slice(-500)));
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.on("error", (error) => stream.destroy(error));
  // What the command says explains more than the broken pipe that it leaves.
  child.on("close", (code) => {
    if (code !== null && code !== 0) note(new UserError(`--via: ended with ${String(code)}: ${said.trim()}`));
    stream.destroy();
  });
  stream.on("close", () => child.kill());
  return stream;
};

const tlsOptions = (source: SourceAddress): ConnectionOptions => ({
  ...(source.sslRootCert === undefined ? {} : { ca: readFileSync(source.sslRootCert, "utf8") }),
  ...(isIP(source.host) === 0 ? { servername: source.host } : {}),
  minVersion: "TLSv1.2",
  ALPNProtocols: ["postgresql"],
  rejectUnauthorized: source.sslMode !== "require",
  checkServerIdentity: (_name, certificate) =>
    source.sslMode === "verify-full" ? checkServerIdentity(source.host, certificate) : undefined,
});

/** Asks the server for TLS and does the handshake. @throws UserError when it has none, or another certificate */
const secured = async (raw: Duplex, source: SourceAddress): Promise<Duplex> => {
  const answer = new Promise<Buffer>((resolve, reject) => {
    raw.once("data", (data: Buffer) => {
      raw.pause();
      resolve(data);
    });
    raw.once("error", reject);
    raw.once("close", () => {
      reject(new UserError("the source closed the connection"));
    });
  });
  raw.write(sslRequest);
  if ((await answer).toString("latin1") !== "S") {
    throw new UserError(
      `the source offers no TLS, and sslmode is ${source.sslMode}; turn it on there, or go through SSH (--via)`,
    );
  }
  return new Promise((resolve, reject) => {
    const socket = connectTls({ socket: raw, ...tlsOptions(source) });
    socket.once("secureConnect", () => {
      resolve(socket);
    });
    socket.once("error", (error: Error) => {
      reject(
        new UserError(
          `the certificate of the source was refused: ${error.message}; name its CA by sslrootcert=FILE in --from (sslmode=require encrypts without verifying)`,
        ),
      );
    });
  });
};

const openSource = async ({ source, via }: RelayArgs, note: (error: unknown) => void): Promise<Duplex> => {
  const raw = via === undefined ? await overTcp(source) : overCommand(via, note);
  try {
    return source.sslMode === "disable" ? raw : await secured(raw, source);
  } catch (error) {
    raw.destroy();
    throw error;
  }
};

const listen = (server: Server, socket: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(socket, resolve);
  });

/** Opens the socket. Connections to the source are made when somebody connects to it. */
export const openRelay = async (args: RelayArgs): Promise<Relay> => {
  let problem: string | undefined;
  const open = new Set<Duplex>();
  const note = (error: unknown): void => {
    if (error instanceof Error && error.name === "AbortError") return; // we ended it ourselves, the client had left
    if (error instanceof UserError || problem === undefined)
      problem = error instanceof Error ? error.message : String(error);
  };
  const carry = async (client: Socket): Promise<void> => {
    open.add(client);
    client.on("error", () => undefined);
    const source = await openSource(args, note);
    open.add(source);
    source.on("error", note);
    client.on("close", () => source.destroy());
    source.on("close", () => {
      client.destroy();
      open.delete(client);
      open.delete(source);
    });
    client.pipe(source);
    if (args.source.sslMode === "disable") source.pipe(client);
    else source.pipe(withoutChannelBinding()).pipe(client);
  };
  const server = createServer((client) => {
    carry(client).catch((error: unknown) => {
      note(error);
      client.destroy();
    });
  });
  await listen(server, args.socket);
  return {
    problem: () => problem,
    close: () =>
      new Promise((done) => {
        for (const stream of open) stream.destroy();
        server.close(() => {
          done();
        });
      }),
  };
};
