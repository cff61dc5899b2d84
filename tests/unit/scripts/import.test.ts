import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { benchPod, volumePath } from "../../../scripts/lib/import/bench-pod.ts";
import { leftOut } from "../../../scripts/lib/import/copy.ts";
import type { SourceFacts, TargetFacts } from "../../../scripts/lib/import/facts.ts";
import { compare } from "../../../scripts/lib/import/hashes.ts";
import type { Fingerprint } from "../../../scripts/lib/import/hashes.ts";
import { judge } from "../../../scripts/lib/import/judge.ts";
import { isOurs } from "../../../scripts/lib/import/names.ts";
import { parseOptions, readPassword, usage } from "../../../scripts/lib/import/options.ts";
import { Session } from "../../../scripts/lib/import/session.ts";
import { parseSource, passwordLine } from "../../../scripts/lib/import/source-address.ts";
import {
  closeToWriters,
  lateChanges,
  openToWriters,
  reopenStatement,
} from "../../../scripts/lib/import/source-guard.ts";
import { placeScript, quantityBytes, remoteEndTemplate } from "../../../scripts/lib/import/workbench.ts";
import { repositoryFile } from "../stacks/examples.ts";

const from = "postgresql://owner@db.example.com/clinic";

describe("the source's address", () => {
  it("verifies the certificate unless told otherwise", () => {
    expect(parseSource(`${from}?sslrootcert=/ca.pem`, false)).toEqual({
      host: "db.example.com",
      port: 5432,
      user: "owner",
      database: "clinic",
      sslMode: "verify-full",
      sslRootCert: "/ca.pem",
    });
    expect(parseSource("postgres://a%40b@[::1]:6000/x%20y", false)).toMatchObject({
      host: "::1",
      port: 6000,
      user: "a@b",
      database: "x y",
      sslMode: "disable",
    });
    expect(parseSource(from, true).sslMode).toBe("disable");
    expect(parseSource(`${from}?sslmode=require`, true).sslMode).toBe("require");
    expect(parseSource(`${from}?sslrootcert=/ca.pem`, true).sslMode).toBe("verify-full");
  });

  it.each([
    [`${from}?sslmode=disable`, "would send the data to and from db.example.com in clear"],
    [`${from}?sslmode=prefer`, 'sslmode "prefer" is none of disable, require, verify-ca, verify-full'],
    [`${from}?connect_timeout=3`, 'unknown parameter "connect_timeout"'],
    [
      "postgresql://db.example.com",
      "USER is missing; the owner of the database or a superuser; DATABASE is missing",
    ],
    ["mysql://a@b/c", "is not of the form postgresql://USER@HOST:PORT/DATABASE"],
  ])("%s is refused", (text, message) => {
    expect(() => parseSource(text, false)).toThrow(message);
  });

  it("never holds a password, and never repeats one", () => {
    const secret = "s3cret-of-the-source";
    for (const url of [`postgresql://owner:${secret}@h/d`, `nonsense://owner:${secret}@h`]) {
      expect(() => parseSource(url, false)).toThrow("holds a password");
      expect(() => parseSource(url, false)).not.toThrow(secret);
    }
  });

  it("keeps a password with any characters in one line of libpq's file", () => {
    expect(passwordLine("a:b\\c")).toBe("*:*:*:*:a\\:b\\\\c\n");
  });
});

describe("flags", () => {
  const mode = (...argv: string[]): unknown => parseOptions(["staging", ...argv])?.mode;

  it("rehearse unless told otherwise", () => {
    expect(mode("--from", from)).toBe("rehearse");
    expect(mode("--from", from, "--check")).toBe("check");
    expect(mode("--from", from, "--cut-over", "--max-downtime", "600")).toBe("cut-over");
    expect(mode("--way-back")).toBe("way-back");
    expect(mode("--drop", "userdb_before_import")).toBe("drop");
  });

  it.each([
    [[], "--from: missing"],
    [["--from", from, "--check", "--cut-over"], "--check, --cut-over: choose one"],
    [["--from", from, "--writers-stopped"], "--writers-stopped: only with --cut-over"],
    [["--from", from, "--cut-over", "--max-downtime", "5"], '"5" is not a number of seconds of at least 10'],
    [["--drop", "userdb"], '"userdb" is none of userdb_before_import'],
    [["--way-back", "--via", "x"], "--via: only with --from"],
    [["more", "--from", from], "exactly one stack name is needed, seen: staging more"],
  ])("%j is refused", (argv, message) => {
    expect(() => parseOptions(["staging", ...argv])).toThrow(message);
  });
});

const source: SourceFacts = {
  versionNumber: 150_018,
  version: "15.18",
  encoding: "UTF8",
  collation: "C.UTF-8",
  moneyLocale: "C",
  bytes: "1000000",
  superuser: false,
  owner: true,
  preparedTransactions: 0,
  extensions: [{ name: "pg_trgm", version: "1.6", schema: "public" }],
  unlogged: [],
  elsewhere: [],
  unreadable: [],
  eventTriggers: [],
  foreign: [],
  untrustedFunctions: [],
  superuserTypes: [],
  policyRoles: [],
  owners: ["legacy"],
  settings: [],
  collations: [],
  replication: [],
  schemas: [],
  platform: false,
  claimed: [],
  extensionTables: [],
  usesMoney: false,
  tables: 3,
  sequences: 2,
  largeObjects: 4,
  unreadableLargeObjects: 0,
  clients: [],
};
const target: TargetFacts = {
  versionNumber: 180_006,
  roles: ["migration", "app_dml"],
  collations: ['pg_catalog."C"'],
  extensions: [
    { name: "pg_trgm", version: "1.6", trusted: true },
    { name: "pg_stat_statements", version: "1.12", trusted: false },
    { name: "dblink", version: "1.2", trusted: false },
  ],
  databases: ["postgres", "userdb"],
  archiveFailingSeconds: null,
};
const space = { dataFree: 10 * 2 ** 30, walSize: 2 * 2 ** 30 };

const problems = (over: Partial<SourceFacts>, cutOver = false): readonly string[] =>
  judge({ source: { ...source, ...over }, target, space, cutOver }).problems;

describe("the source's password", () => {
  const never = (): never => {
    throw new Error("asked for a password");
  };

  it("is what the file holds without the end of its line, and never nothing", async () => {
    const directory = mkdtempSync(join(tmpdir(), "import-password-"));
    const file = join(directory, "password");
    writeFileSync(file, "pass word \r\n");
    expect(await readPassword(file, never, true)).toBe("pass word ");
    writeFileSync(file, "\n");
    await expect(readPassword(file, never, true)).rejects.toThrow(`--password-file: ${file} is empty`);
    await expect(readPassword(`${file}2`, never, true)).rejects.toThrow(`${file}2 does not exist`);
    rmSync(directory, { recursive: true });
  });

  it("is asked for only where somebody can answer", async () => {
    await expect(readPassword(undefined, never, false)).rejects.toThrow("use --password-file FILE");
  });
});

describe("preflight", () => {
  it("finds nothing wrong with an ordinary database, and says what it holds", () => {
    const verdict = judge({ source, target, space, cutOver: true });
    expect(verdict.problems).toEqual([]);
    expect(verdict.notes).toEqual([
      "3 tables, 2 sequences, 4 large objects, 0.00 GiB",
      "owners (legacy): everything will belong to role migration; rights come from the platform",
    ]);
  });

  it.each<[string, Partial<SourceFacts>, string]>([
    [
      "an old version",
      { versionNumber: 120_001, version: "12.1" },
      "version: the source is PostgreSQL 12.1; 13 is",
    ],
    ["a newer version", { versionNumber: 190_000, version: "19.0" }, "newer than the platform's 18"],
    ["bytes without meaning", { encoding: "SQL_ASCII" }, "encoding: the source is SQL_ASCII"],
    [
      "unreadable tables",
      { unreadable: ["a", "b", "c", "d", "e", "f"] },
      "cannot read a, b, c, d, e and 1 more",
    ],
    ["unreadable large objects", { unreadableLargeObjects: 2 }, "cannot read 2 of 4 large objects"],
    [
      "an absent extension",
      { extensions: [{ name: "postgis", version: "3", schema: "public" }] },
      "extension postgis: the platform's image does not have it",
    ],
    [
      "an extension for superusers",
      { extensions: [{ name: "dblink", version: "1", schema: "public" }] },
      "extension dblink: only a superuser may make it",
    ],
    ["event triggers", { eventTriggers: ["watch"] }, "event triggers (watch): only a superuser"],
    ["foreign data", { foreign: ["server old"] }, "foreign data (server old)"],
    [
      "untrusted languages",
      { untrustedFunctions: ["public.f (plpython3u)"] },
      "untrusted language (public.f (plpython3u))",
    ],
    ["superuser's types", { superuserTypes: ["type public.t"] }, "type public.t: only a superuser"],
    ["policies for strange roles", { policyRoles: ["app_dml", "clerk"] }, "name the roles clerk, which"],
    [
      "absent collations",
      { collations: ['pg_catalog."de_DE.utf8"'] },
      'collations pg_catalog."de_DE.utf8" are used',
    ],
    ["names of ours", { claimed: ["pgbouncer"] }, "schema pgbouncer belongs to the platform"],
    [
      "no room",
      { bytes: String(9 * 2 ** 30) },
      "the copy needs about 11 GiB, the data volume has 10 GiB free",
    ],
  ])("stops at %s", (_what, over, message) => {
    expect(problems(over)).toHaveLength(1);
    expect(problems(over)[0]).toContain(message);
  });

  it("wants more of a cut-over than of a rehearsal", () => {
    expect(problems({ owner: false, preparedTransactions: 1 })).toEqual([]);
    expect(problems({ platform: true })).toEqual([]);
    expect(problems({ platform: true }, true)).toEqual([expect.stringContaining("pass --writers-stopped")]);
    expect(problems({ owner: false, preparedTransactions: 1 }, true)).toEqual([
      expect.stringContaining("cannot close it to writers"),
      expect.stringContaining("prepared transactions: 1 are open"),
    ]);
  });

  it("says everything at once", () => {
    expect(problems({ encoding: "SQL_ASCII", eventTriggers: ["x"], unreadable: ["t"] })).toHaveLength(3);
  });

  it("does not begin while the archive fails", () => {
    const failing = { ...target, archiveFailingSeconds: 40 };
    expect(judge({ source, target: failing, space, cutOver: false }).problems).toEqual([
      expect.stringContaining("last attempt to archive failed 40 s ago"),
    ]);
  });

  it.each<[string, Partial<SourceFacts>, string]>([
    ["unlogged tables", { unlogged: ["cache"] }, "unlogged tables (cache)"],
    ["tablespaces", { elsewhere: ["t in fast"] }, "tablespaces (t in fast)"],
    ["settings", { settings: ["search_path=a"] }, "not taken over: search_path=a"],
    ["publications", { replication: ["publication p"] }, "not taken over: publication p"],
    ["another order", { collation: "de_DE.UTF-8" }, "ORDER BY on text gives another order"],
    ["another encoding", { encoding: "LATIN1" }, "LATIN1 becomes UTF8"],
    ["a platform", { platform: true }, "schemas platform and pgbouncer stay behind"],
    ["clients", { clients: ["app (web)"] }, "connected to the source now: app (web)"],
  ])("mentions %s", (_what, over, note) => {
    const { notes } = judge({ source: { ...source, ...over }, target, space, cutOver: false });
    expect(notes.join("\n")).toContain(note);
  });

  it("knows the platform's own extensions", () => {
    expect(isOurs.extension("pg_stat_statements")).toBe(true);
    expect(
      problems({ extensions: [{ name: "pg_stat_statements", version: "1", schema: "public" }] }),
    ).toEqual([]);
  });
});

const sum = (name: string, rows: string, hash = "1"): Fingerprint["largeObjects"] => ({
  name,
  rows,
  bytes: "10",
  hash,
});
const before: Fingerprint = {
  tables: [sum("public.a", "2"), sum("public.b", "3")],
  largeObjects: sum("large objects", "4"),
  sequences: [{ name: "public.s", value: "10", called: true }],
  objects: ["relation r public.a", "relation r public.b"],
};
const differences = (over: Partial<Fingerprint>, later = before.sequences): readonly string[] =>
  compare(before, later, { ...before, ...over }, ["relation v public.ours"]);

describe("the comparison", () => {
  it("finds equal what is equal, beside objects that the platform put there", () => {
    expect(differences({ objects: [...before.objects, "relation v public.ours"] })).toEqual([]);
  });

  it.each<[string, Partial<Fingerprint>, string[]]>([
    [
      "a lost row",
      { tables: [sum("public.a", "1"), sum("public.b", "3")] },
      ["public.a: 2 rows in the source, 1 in the copy"],
    ],
    [
      "another value",
      { tables: [sum("public.a", "2", "9"), sum("public.b", "3")] },
      ["public.a: same number of rows (2), other content"],
    ],
    ["a lost table", { tables: [sum("public.a", "2")] }, ["public.b: missing in the copy"]],
    [
      "a table too many",
      { tables: [...before.tables, sum("public.c", "0")] },
      ["public.c: not in the source"],
    ],
    [
      "a large object",
      { largeObjects: sum("large objects", "4", "2") },
      ["large objects: same number of rows (4), other content"],
    ],
    [
      "a sequence that starts anew",
      { sequences: [{ name: "public.s", value: "1", called: false }] },
      ["sequence public.s: at 10 in the source, at 1 (not drawn) in the copy"],
    ],
    ["a lost sequence", { sequences: [] }, ["sequence public.s: missing in the copy"]],
    ["a lost index", { objects: ["relation r public.a"] }, ["relation r public.b: missing in the copy"]],
    [
      "an object too many",
      { objects: [...before.objects, "trigger x on public.a"] },
      ["trigger x on public.a: not in the source"],
    ],
  ])("names %s", (_what, over, expected) => {
    expect(differences(over)).toEqual(expected);
  });

  it("lets numbers be drawn while a rehearsal runs, but not lost", () => {
    const later = [{ name: "public.s", value: "14", called: true }];
    const at = (value: string): Partial<Fingerprint> => ({
      sequences: [{ name: "public.s", value, called: true }],
    });
    expect(differences(at("12"), later)).toEqual([]);
    expect(differences(at("9"), later)).toHaveLength(1);
    expect(differences(at("15"), later)).toHaveLength(1);
  });
});

describe("the archive's entries", () => {
  it("leave out extensions and schemas that are made before, and nothing else", () => {
    const pattern = new RegExp(leftOut(["ext.s"]));
    const lines = [
      "2; 3079 16386 EXTENSION - pg_trgm ",
      "3400; 0 0 COMMENT - EXTENSION pg_trgm ",
      "6; 2615 16390 SCHEMA - ext.s legacy",
      "7; 2615 16391 SCHEMA - extras legacy",
      "215; 1259 16400 TABLE public EXTENSION legacy",
      "3401; 0 0 COMMENT public TABLE a legacy",
    ];
    expect(lines.filter((line) => !pattern.test(line))).toEqual(lines.slice(3));
  });
});

describe("the pod of the copy", () => {
  const database = {
    namespace: "hc-data",
    pod: "postgres-0",
    uid: "u-1",
    image: "postgres:18@sha256:0",
    node: "n1",
    socketVolume: "scratch-var-run-postgresql",
  };

  it("keeps to Pod Security restricted, has no token and ends by itself", () => {
    const pod = benchPod(database, "hc");
    expect(pod).toMatchObject({
      metadata: { name: "data-import", namespace: "hc-data", labels: { "app.kubernetes.io/instance": "hc" } },
      spec: {
        automountServiceAccountToken: false,
        restartPolicy: "Never",
        activeDeadlineSeconds: 86_400,
        nodeName: "n1",
        securityContext: { runAsNonRoot: true, runAsUser: 999, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            image: "postgres:18@sha256:0",
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ["ALL"] },
            },
          },
        ],
      },
    });
    expect(JSON.stringify(pod)).not.toMatch(/hostPath|hostNetwork|env"/);
  });

  it("knows how large the log may become", () => {
    expect(["2Gi", "512Mi", "4096", "much"].map(quantityBytes)).toEqual([2 ** 31, 2 ** 29, 4096, 0]);
  });

  it("finds volumes where the kubelet keeps them", () => {
    expect(volumePath("u-1", "scratch-run")).toBe(
      "/var/lib/kubelet/pods/u-1/volumes/kubernetes.io~empty-dir/scratch-run",
    );
  });
});

describe("the sockets in the pod", () => {
  it("are second names of the ones on the host, also when the run is repeated, and nobody else's", () => {
    const root = mkdtempSync(join(tmpdir(), "import-"));
    try {
      const [volume, source, server] = ["it's", "source", "server"].map((name) => join(root, name));
      mkdirSync(volume ?? "");
      for (const file of [source, server]) writeFileSync(file ?? "", "");
      const script = `chown() { :; }\n${placeScript(volume ?? "", source ?? "", server ?? "")}`;
      for (let run = 0; run < 2; run += 1) execFileSync("bash", ["-c", script]);
      const look = (path: string): string => {
        const { ino, mode } = statSync(join(root, path));
        return `${String(ino)} ${(mode & 0o777).toString(8)}`;
      };
      const inodes = ["source", "server"].map((name) => String(statSync(join(root, name)).ino));
      expect(["source", "target"].map((side) => look(`it's/${side}/.s.PGSQL.5432`).split(" ")[0])).toEqual(
        inodes,
      );
      expect(look("it's/source/.s.PGSQL.5432")).toBe(`${inodes[0] ?? ""} 600`);
      expect(["source", "target"].map((side) => look(`it's/${side}`).split(" ")[1])).toEqual(["700", "700"]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it("have a path on the host that a socket may have, which is 107 characters", () => {
    const uid = "01234567-89ab-cdef-0123-456789abcdef";
    expect(volumePath(uid, "scratch-run-import").length + "/source/.s.PGSQL.5432".length).toBeGreaterThan(
      107,
    );
    for (const user of ["root", "operator"])
      expect(`${remoteEndTemplate(user)}/source`.length).toBeLessThan(107);
  });
});

/** Speaks psql's side of the conversation: answers by the statement that it is sent. */
const fakePsql = `
let text = "";
process.stdin.on("data", (d) => {
  text += d;
  for (let m; (m = /^([\\s\\S]*?)\\n;\\n\\\\echo (\\S+) :ERROR\\n\\\\echo :LAST_ERROR_MESSAGE\\n\\\\echo \\S+\\n/.exec(text)); ) {
    text = text.slice(m[0].length);
    const failed = m[1].includes("broken");
    if (!failed) console.log(/FROM \\((.*)\\) AS q/s.exec(m[1])?.[1] ?? "");
    console.log(m[2] + " " + failed + "\\nthe server says no\\n" + m[2]);
    if (m[1].includes("die")) { console.error("connection lost"); process.exit(2); }
  }
  if (text.startsWith("\\\\q")) process.exit(0);
});`;

const session = (): Session =>
  new Session({
    spawn: () => spawn(process.execPath, ["-e", fakePsql], { stdio: "pipe" }),
    name: "target",
    socket: "/s",
    user: "u",
    database: "d",
  });

describe("a session", () => {
  it("returns rows, one statement after the other", async () => {
    const s = session();
    const [a, b] = await Promise.all([s.rows('[{"x":"1"}]'), s.row('[{"y":"a\\nb"}]')]);
    expect(a).toEqual([{ x: "1" }]);
    expect(b).toEqual({ y: "a\nb" });
    await s.close();
  });

  it("says what the server says, and goes on", async () => {
    const s = session();
    await expect(s.run("broken")).rejects.toThrow("target: the server says no");
    expect(await s.rows("[]")).toEqual([]);
    await expect(s.row("[]")).rejects.toThrow("target: expected one row, saw 0");
    await s.close();
  });

  it("fails what waits when the connection ends", async () => {
    const s = session();
    await s.run("die");
    await expect(s.run("anything")).rejects.toThrow("target: connection lost");
    await s.close();
  });
});

describe("closing the source, and opening it again", () => {
  /** A database that is closed as a whole, and the session of the import in it. */
  const source = (closed: boolean): { readonly session: Session; readonly isClosed: () => boolean } => {
    let readOnly = closed; // what the session began with
    let database = closed;
    const run = (statement: string): Promise<void> => {
      const setting = /^SET default_transaction_read_only = (on|off)$/.exec(statement)?.[1];
      if (setting !== undefined) readOnly = setting === "on";
      else if (readOnly)
        return Promise.reject(new Error("cannot execute ALTER DATABASE in a read-only transaction"));
      else database = /^ALTER DATABASE "a; ""b""" SET default_transaction_read_only = on$/.test(statement);
      return Promise.resolve();
    };
    const session = { run, row: () => Promise.resolve({ at: "now" }), rows: () => Promise.resolve([]) };
    return { session: session as unknown as Session, isClosed: () => database };
  };
  const name = 'a; "b"';

  it("works whatever the session began with", async () => {
    for (const closed of [false, true]) {
      const { session: s, isClosed } = source(closed);
      await closeToWriters(s, name);
      expect(isClosed()).toBe(true);
      await openToWriters(s, name);
      expect(isClosed()).toBe(false);
    }
  });

  it("goes on looking for a while, and counts what was written after the copy", async () => {
    const counts = (...seen: readonly string[]): Session => {
      let look = 0;
      const row = () => Promise.resolve({ count: seen[Math.min(look++, seen.length - 1)] });
      return { row } as unknown as Session;
    };
    expect(await lateChanges(counts("7", "9"), 7n)).toBe(2n);
  });

  it("does not take a session whose kind is hidden for nobody", async () => {
    const asked: string[] = [];
    const rows = (statement: string) => Promise.resolve(asked.push(statement) > 1 ? [] : [{ client: "x" }]);
    const session = { run: () => Promise.resolve(), row: () => Promise.resolve({ at: "now" }), rows };
    await closeToWriters(session as unknown as Session, name);
    expect(asked).toHaveLength(2);
    expect(asked[0]).toContain("coalesce(backend_type, 'client backend')");
    expect(asked[0]).toContain("coalesce(backend_start, '-infinity')");
  });

  it("says what a person types, who is in the closed database too", () => {
    expect(reopenStatement(name)).toBe(
      'SET default_transaction_read_only = off; ALTER DATABASE "a; ""b""" RESET default_transaction_read_only',
    );
  });
});

describe("the runbook", () => {
  it("names the flags and statements that exist", () => {
    const text = readFileSync(repositoryFile("docs/runbooks/moving-in.md"), "utf8");
    const flags = [...new Set(text.match(/(?<=\s|`)--[a-z][a-z-]+/g) ?? [])];
    expect(flags.length).toBeGreaterThan(5);
    for (const flag of flags) expect(usage, flag).toContain(`  ${flag} `);
    expect(text).toContain(reopenStatement("clinic"));
  });
});
