import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { execute, must, repository, type Result } from "../../rig/stack.ts";
import { kubectl, namespace, platform, platformHost, request, sql, until, untilHealthy } from "./support.ts";

const server = platformHost;
const legacy = (...args: string[]): Promise<string> =>
  must(join(repository, "rig", "legacy", "legacy.sh"), args, { timeoutSeconds: 900 });
/** SQL at the old server, as its superuser. */
const atSource = async (statement: string, database = "clinic"): Promise<string> => {
  const args = ["psql", server, "--dbname", database];
  const result = await execute(join(repository, "rig", "legacy", "legacy.sh"), args, { input: statement });
  if (result.code !== 0) throw new Error(result.stderr);
  return result.stdout.trim();
};

/** In a database that is closed to writers, before a statement that writes. */
const letWrite = "SET default_transaction_read_only = off";

/** Hard to put anywhere by accident, and with the characters that password files have to escape. */
const password = `it's:a\\pass word ${randomBytes(8).toString("hex")}`;
let overTls: string;
const throughCommand = "postgresql://legacy@localhost/clinic";
const via = `${join(repository, "rig", "legacy", "legacy.sh")} loopback ${server}`;

const dataImport = (args: readonly string[], options: { readonly secret?: string } = {}): Promise<Result> => {
  const stack = platform();
  return stack.inEnvironment(
    ["node", "scripts/data-import.ts", stack.stack, "--config-file", stack.configFile, ...args],
    { env: { IMPORT_SOURCE_PASSWORD: options.secret ?? password }, input: "", echo: "all" },
  );
};
const ok = (result: Result): string => {
  expect(result.code, result.stdout + result.stderr).toBe(0);
  return result.stdout;
};
const databases = async (): Promise<readonly string[]> =>
  (await sql("SELECT datname FROM pg_database WHERE datname LIKE 'userdb%' ORDER BY 1")).split("\n");
const ofSource = (): Promise<string> =>
  atSource(
    "SELECT (SELECT count(*) FROM visits) || ' ' || (SELECT sum(id) FROM visits) || ' ' || (SELECT count(*) FROM pg_largeobject_metadata)",
  );
const ofPlatform = (): Promise<string> =>
  sql(
    "SELECT (SELECT count(*) FROM visits) || ' ' || (SELECT sum(id) FROM visits) || ' ' || (SELECT count(*) FROM pg_largeobject_metadata)",
  );

beforeAll(async () => {
  await untilHealthy(120);
  await legacy("destroy", server);
  await legacy("start", server);
  await atSource(readFileSync(join(import.meta.dirname, "import", "clinic.sql"), "utf8"), "postgres");
  await atSource(`ALTER ROLE legacy PASSWORD '${password.replaceAll("'", "''")}'`);
  const [ip, ca] = [await legacy("ip", server), await legacy("ca", server)];
  overTls = `postgresql://legacy@${ip}/clinic?sslmode=verify-full&sslrootcert=${ca}`;
});
afterAll(async () => {
  await legacy("destroy", server);
});

describe("data:import --check", () => {
  it("lists every problem at once and touches nothing", async () => {
    await atSource(
      "CREATE FOREIGN DATA WRAPPER old_fdw; CREATE SERVER elsewhere FOREIGN DATA WRAPPER old_fdw;" +
        "CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'; CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION watch();" +
        "CREATE TABLE hidden (x int); CREATE POLICY clerks ON hidden TO clerk USING (true);",
    );
    const result = await dataImport(["--from", overTls, "--check"]);
    await atSource(
      "DROP EVENT TRIGGER watcher; DROP FUNCTION watch; DROP TABLE hidden; DROP FOREIGN DATA WRAPPER old_fdw CASCADE",
    );
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("nothing was changed:");
    for (const part of [
      "cannot read public.hidden",
      "event triggers (watcher)",
      "server elsewhere",
      "roles clerk",
    ])
      expect(result.stderr).toContain(part);
    expect(await databases()).toEqual(["userdb"]);
  });

  it("says what is there and what will differ", async () => {
    const said = ok(await dataImport(["--from", overTls, "--check"]));
    expect(said).toContain("102 large objects");
    expect(said).toContain("unlogged tables (billing.drafts)");
    expect(said).toContain("not taken over: search_path=public, extensions");
    expect(said).toContain("nothing stands in the way");
  });

  it("says why the source cannot be reached, without a secret", async () => {
    const wrong = await dataImport(["--from", overTls, "--check"], { secret: "not the password" });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('password authentication failed for user "legacy"');
    const unknown = await dataImport(["--from", overTls.replace(/&sslrootcert=.*/, ""), "--check"]);
    expect(unknown.stderr).toContain("the certificate of the source was refused");
    for (const result of [wrong, unknown])
      expect(result.stdout + result.stderr).not.toContain("not the password");
  });
});

describe("a rehearsal", () => {
  it("copies and compares everything through a command, then leaves no trace", async () => {
    const said = ok(await dataImport(["--from", throughCommand, "--via", via]));
    expect(said).toMatch(/equal: 8 tables with \d+ rows, 102 large objects, 3 sequences/);
    expect(said).toMatch(/rehearsal succeeded in \d+ s/);
    expect(await databases()).toEqual(["userdb"]);
    expect(await kubectl("-n", namespace.data, "get", "pod", "data-import", "--ignore-not-found")).toBe("");
    // The source took writes all the time.
    await atSource("INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'after the rehearsal')");
  });

  it("takes the database of a stack of the platform, as the runbook for a new major version asks", async () => {
    const kept = [
      "-n",
      namespace.data,
      "get",
      "secret",
      "postgres-passwords",
      "-o",
      "jsonpath={.data.migration}",
    ];
    const secret = Buffer.from(await kubectl(...kept), "base64").toString();
    const pod = `k3s kubectl -n ${namespace.data} exec -i postgres-0 -c postgres`;
    const inside = "exec 3<>/dev/tcp/$POD_IP/5432; cat <&3 & exec cat >&3";
    const command = `${join(repository, "rig", "host", "host.sh")} exec ${platformHost} -- ${pod} -- bash -c '${inside}'`;
    const from = `postgresql://migration@postgres/userdb?sslrootcert=${join(platform().directory, "ca.crt")}`;
    const said = ok(await dataImport(["--from", from, "--via", command], { secret }));
    expect(said).toContain("its schemas platform and pgbouncer stay behind");
    expect(said).toContain(
      `equal: ${await sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")} tables`,
    );
    expect(said).toMatch(/rehearsal succeeded in \d+ s/);
    // Its clients write through a pooler, which no setting of the database holds.
    const closing = await dataImport(["--from", from, "--via", command, "--cut-over", "--yes"], { secret });
    expect(closing.code).toBe(1);
    expect(closing.stderr).toContain("scale API and worker of that stack to 0, then pass --writers-stopped");
    expect(await databases()).toEqual(["userdb"]);
  });

  it("that is killed can be repeated", async () => {
    const stack = platform();
    const args = [
      "node",
      "scripts/data-import.ts",
      stack.stack,
      "--config-file",
      stack.configFile,
      "--from",
      overTls,
    ];
    const killed = await stack.inEnvironment(args, {
      env: { IMPORT_SOURCE_PASSWORD: password },
      onSpawn: (child) => {
        void until("the database of the rehearsal", 120, async () =>
          (await databases()).includes("userdb_rehearsal") ? true : undefined,
        ).then(() => process.kill(-(child.pid ?? 0), "SIGKILL"));
      },
    });
    expect(killed.code).not.toBe(0);
    ok(await dataImport(["--from", overTls]));
    expect(await databases()).toEqual(["userdb"]);
  });
});

describe("a cut-over", () => {
  it("wants a rehearsal of this very source", async () => {
    const other = overTls.replace("/clinic?", "/postgres?");
    const result = await dataImport(["--from", other, "--cut-over", "--yes", "--writers-stopped"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("no rehearsal of this source has succeeded");
    expect(await databases()).toEqual(["userdb"]);
  });

  it("that takes longer than allowed goes back: the source takes writes, the platform is as before", async () => {
    const before = await ofPlatform();
    const lock = atSource("BEGIN; LOCK TABLE audit_2024 IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(40)").catch(
      () => "",
    );
    const result = await dataImport([
      "--from",
      overTls,
      "--cut-over",
      "--yes",
      "--max-downtime",
      "10",
      "--writers-stopped",
    ]);
    await lock;
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("not finished within the --max-downtime of 10 s");
    await atSource("INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'still open')");
    expect(await ofPlatform()).toBe(before);
  });

  it("stops at sessions that it can neither look into nor end, and goes back", async () => {
    const statement = "SELECT pg_sleep(300)";
    const stranger = atSource(statement).catch(() => "");
    const theirs = `FROM pg_stat_activity WHERE query = '${statement}'`;
    await until("the stranger's session", 30, async () =>
      (await atSource(`SELECT count(*) ${theirs}`)) === "1" ? true : undefined,
    );
    const result = await dataImport(["--from", overTls, "--cut-over", "--yes"]);
    await atSource(`SELECT pg_terminate_backend(pid) ${theirs}`);
    await stranger;
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("these stay connected and may go on writing: postgres (psql)");
    expect(await databases()).toEqual(["userdb"]);
    await atSource("INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'open after a stranger')");
  });

  it("is not fooled by somebody who writes all the same", async () => {
    const stop = new AbortController();
    const insist = (async () => {
      while (!stop.signal.aborted)
        await atSource(`${letWrite}; INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'insists')`).catch(
          () => "",
        );
    })();
    const result = await dataImport(["--from", overTls, "--cut-over", "--yes"]);
    stop.abort();
    await insist;
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/\d+ rows were written during the final copy/);
    expect(await databases()).toEqual(["userdb"]);
    await atSource("INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'open again')");
  });

  it("moves the data: the application serves it, the source is closed, the downtime is known", async () => {
    const said = ok(await dataImport(["--from", overTls, "--cut-over", "--yes"]));
    console.log(said.match(/downtime .*/g)?.join("; "));
    expect(said).toMatch(/downtime \d+\.\d s/);
    expect(said).not.toContain("WARNING");
    expect(await databases()).toEqual(["userdb", "userdb_before_import"]);
    expect(await ofPlatform()).toBe(await ofSource());
    await untilHealthy(60);
    const visits = await until("the imported rows behind the API", 60, async () => {
      const { visits } = JSON.parse((await request("/visits?limit=1")).body) as {
        visits: { note: string }[];
      };
      return visits[0];
    });
    expect(visits.note).toBe("open again");
    const written = await request(
      "/visits",
      "--json",
      JSON.stringify({ tenant: "clinic-a", note: "first of the new" }),
    );
    expect(written.status).toBe(201);
    await expect(
      atSource("INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'too late')"),
    ).rejects.toThrow("read-only transaction");
  });

  it("gives everything to migration, and the application its rights", async () => {
    expect(
      await sql(
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'billing'::regnamespace)  AND relkind IN ('r', 'p', 'S', 'v', 'm') AND relname NOT LIKE 'pg_stat%'",
      ),
    ).toBe("migration");
    expect(await sql("SELECT has_table_privilege('app_a', 'billing.drafts', 'INSERT')")).toBe("t");
    expect(await sql("SELECT count(*) > 0 FROM pg_stats WHERE tablename = 'patients'")).toBe("t");
    expect(await sql("SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'pg_trgm'")).toBe(
      "extensions",
    );
  });

  it("does not run a second time over the first", async () => {
    await atSource(`${letWrite}; ALTER DATABASE clinic RESET default_transaction_read_only`);
    const result = await dataImport(["--from", overTls, "--cut-over", "--yes"]);
    expect(result.stderr).toContain("userdb_before_import is still there");
    await atSource("INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'never closed')");
  });
});

describe("the way back", () => {
  it("puts back what was there, opens the source, and keeps what came in meanwhile", async () => {
    await atSource(`${letWrite}; ALTER DATABASE clinic SET default_transaction_read_only = on`);
    const said = ok(await dataImport(["--from", overTls, "--way-back", "--yes"]));
    expect(said).toContain("the source takes writes again");
    expect(await databases()).toEqual(["userdb", "userdb_returned"]);
    await atSource("INSERT INTO visits (tenant, note) VALUES ('clinic-a', 'back')");
    expect(await sql("SELECT count(*) FROM visits WHERE note = 'first of the new'", "userdb_returned")).toBe(
      "1",
    );
    expect(await sql("SELECT count(*) FROM visits WHERE note = 'first of the new'")).toBe("0");
    await untilHealthy(60);
  });

  it("drops only what it is told, and never the application's database", async () => {
    expect((await dataImport(["--drop", "userdb", "--yes"])).code).toBe(1);
    ok(await dataImport(["--drop", "userdb_returned", "--yes"]));
    expect(await databases()).toEqual(["userdb"]);
  });
});
