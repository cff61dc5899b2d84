/** Everything an import holds open: the way to the host, the pod, the way to the source, sessions at both servers. */

import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Prompter } from "../prompt.ts";
import { findStack, HostAccess } from "../stack-access.ts";
import { UserError } from "../user-error.ts";
import { benchLayout } from "./bench-pod.ts";
import type { DatabasePod } from "./bench-pod.ts";
import { textSettings } from "./hashes.ts";
import { podName } from "./names.ts";
import { readPassword } from "./options.ts";
import type { ImportOptions } from "./options.ts";
import { openRelay } from "./relay.ts";
import type { Relay } from "./relay.ts";
import { Session } from "./session.ts";
import type { SessionArgs } from "./session.ts";
import { passwordLine } from "./source-address.ts";
import type { SourceAddress } from "./source-address.ts";
import { findDatabase, openWorkbench } from "./workbench.ts";
import type { Workbench } from "./workbench.ts";

export interface Io {
  readonly print: (line: string) => void;
  readonly prompter: () => Prompter;
  /** A person is there to be asked. */
  readonly interactive: boolean;
}

export type Client = Omit<SessionArgs, "spawn" | "name">;

export interface Context {
  readonly options: ImportOptions;
  readonly io: Io;
  readonly host: HostAccess;
  readonly database: DatabasePod;
  readonly bench: Workbench;
  /** How programs in the pod reach the servers. */
  readonly sourceClient: Client;
  readonly targetClient: Client;
  /** Connected to database postgres of the platform. */
  readonly admin: Session;
  /** Opens a session at the source. @throws UserError that says why it cannot be reached */
  readonly openSource: (address: SourceAddress) => Promise<Session>;
  /** Opens a session at a database of the platform, with comparable text forms. */
  readonly openTarget: (name: string) => Promise<Session>;
  readonly close: () => Promise<void>;
}

/** Errors carry values of rows, which must not reach the log. */
const quiet =
  "-c log_statement=none -c log_min_error_statement=panic -c log_min_messages=log -c client_min_messages=warning";

const programs = /^(psql|pg_dump|pg_restore)$/m;
const graceSeconds = 20;

/** Whether programs of an import run in its pod. Those of a killed one end by themselves, soon. */
const isBusy = async (host: HostAccess, { namespace }: DatabasePod): Promise<boolean> => {
  for (let second = 0; second < graceSeconds; second += 2) {
    const said = await host.run([
      ...["k3s", "kubectl", "-n", namespace, "exec", podName, "--", "bash", "-c"],
      "cat /proc/[0-9]*/comm 2>/dev/null",
    ]);
    if (said.code !== 0 || !programs.test(said.stdout)) return false;
    await pause(2000);
  }
  return true;
};

const prepare = async (session: Session): Promise<Session> => {
  for (const setting of textSettings) await session.run(`SET ${setting}`);
  return session;
};

interface Opened {
  readonly host: HostAccess;
  readonly database: DatabasePod;
  readonly relay: Relay;
  readonly bench: Workbench;
}

const openParts = async (options: ImportOptions, io: Io): Promise<Opened> => {
  const place = findStack({ name: options.stack, configFile: options.configFile });
  const password =
    options.source === undefined ? "" : await readPassword(options.passwordFile, io.prompter, io.interactive);
  const host = await HostAccess.open(place, { name: options.stack, configFile: options.configFile });
  try {
    const database = await findDatabase(host, place.prefix);
    if (!options.takeOver && (await isBusy(host, database))) {
      throw new UserError(
        `another import runs in ${database.namespace}/${podName}; wait for it, or end it with --take-over`,
      );
    }
    const relaySocket = join(host.directory, "source");
    const nowhere = {
      host: "",
      port: 0,
      user: "",
      database: "",
      sslMode: "disable",
      sslRootCert: undefined,
    } as const;
    const relay = await openRelay({
      source: options.source ?? nowhere,
      via: options.via,
      socket: relaySocket,
    });
    io.print(`starting ${database.namespace}/${podName} beside the database`);
    const bench = await openWorkbench({
      host,
      database,
      prefix: place.prefix,
      relaySocket,
      passwordLine: passwordLine(password),
    }).catch(async (error: unknown) => {
      await relay.close();
      throw error;
    });
    return { host, database, relay, bench };
  } catch (error) {
    host.close();
    throw error;
  }
};

/** Opens everything. `close` ends and removes all of it. */
export const openContext = async (options: ImportOptions, io: Io): Promise<Context> => {
  const { host, database, relay, bench } = await openParts(options, io);
  const sessions: Session[] = [];
  const opened = async (args: SessionArgs): Promise<Session> => {
    const session = new Session(args);
    sessions.push(session);
    return prepare(session);
  };
  const sourceClient: Client = {
    socket: benchLayout.source,
    user: options.source?.user ?? "",
    database: options.source?.database ?? "",
    passwordFile: benchLayout.passwordFile,
  };
  const targetClient: Client = {
    socket: benchLayout.target,
    user: "postgres",
    database: "postgres",
    options: quiet,
  };
  const close = async (): Promise<void> => {
    await Promise.all(sessions.map((session) => session.close()));
    await bench.close();
    await relay.close();
    host.close();
  };
  const openTarget = (name: string): Promise<Session> =>
    opened({ spawn: bench.spawn, name: "target", ...targetClient, database: name });
  const openSource = async (_address: SourceAddress): Promise<Session> => {
    try {
      return await opened({ spawn: bench.spawn, name: "source", ...sourceClient });
    } catch (error) {
      throw new UserError(relay.problem() ?? String(error instanceof Error ? error.message : error));
    }
  };
  try {
    const admin = await openTarget("postgres");
    return {
      options,
      io,
      host,
      database,
      bench,
      sourceClient,
      targetClient,
      admin,
      openSource,
      openTarget,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
};
