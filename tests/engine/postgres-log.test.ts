import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { maintenanceScripts } from "../../components/data/maintenanceScripts.ts";
import { as, layout, mountRoles, startDatabase } from "../support/platformDatabase.ts";
import { pod as addresses, type PostgresPod, type Result } from "../support/postgresPod.ts";

/** What the server writes to its log: no value that a client sent or a row holds, but who touched what. */

let pod: PostgresPod;
/** Stands for a patient's name. No line of any log may hold it. */
const canary = "Canary-Patient-4711";

beforeAll(async () => {
  pod = await startDatabase();
  const schema = `
    CREATE TABLE patients (id integer PRIMARY KEY, name text UNIQUE CHECK (name <> 'nobody'));
    CREATE TABLE visits (id integer PRIMARY KEY, patient integer REFERENCES patients, day date);
    CREATE FUNCTION complain(text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'about %', $1; END $$;
    CREATE FUNCTION warn(text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'about %', $1; END $$;`;
  expect(pod.psql(as("migration"), schema)).toMatchObject({ code: 0, stderr: "" });
  expect(pod.psql(as("app_a"), `INSERT INTO patients VALUES (1, '${canary}')`).code).toBe(0);
});

afterAll(async () => {
  await (pod as PostgresPod | undefined)?.destroy();
});

let markers = 0;
/** Written in order: what came before this has arrived with it. */
const mark = async (): Promise<number> => {
  const marker = `marker-${String((markers += 1))}.`;
  pod.superuser(`DO $$ BEGIN RAISE LOG '${marker}'; END $$`);
  await pod.until("the log has arrived", () => pod.log.includes(marker), 10);
  return pod.log.indexOf(marker);
};
const logged = async (action: () => unknown): Promise<string> => {
  const before = await mark();
  action();
  const after = await mark();
  return pod.log.slice(before, after);
};

describe("a value stays out of the log", () => {
  const failing: readonly (readonly [string, string, string])[] = [
    ["literal of a failing statement", `SELECT 1/0 AS x, '${canary}'`, "22012"],
    ["text that is no number", `SELECT '${canary}'::integer`, "22P02"],
    ["text that is no date", `INSERT INTO visits VALUES (1, 1, '${canary}')`, "22007"],
    ["duplicate key", `INSERT INTO patients VALUES (2, '${canary}')`, "23505"],
    ["row that a constraint refuses", `INSERT INTO patients VALUES (NULL, '${canary}')`, "23502"],
    ["syntax error", `SELEC '${canary}'`, "42601"],
    ["name that does not exist", `SELECT "${canary}"`, "42703"],
    ["exception of a function", `SELECT complain('${canary}')`, "P0001"],
    ["parameter", `SELECT $1::integer \\bind '${canary}' \\g`, "22P02"],
    ["statement that runs too long", `SET statement_timeout = 50; SELECT pg_sleep(1), '${canary}'`, "57014"],
  ];

  it.each(failing.flatMap((row) => ["app_a", "app_b", "migration"].map((user) => [...row, user] as const)))(
    "%s",
    async (_what, sql, state, user) => {
      let result: Result | undefined;
      const log = await logged(() => (result = pod.psql(as(user), `\\set VERBOSITY verbose\n${sql}\n;`)));
      expect(result?.code).not.toBe(0);
      expect(result?.stderr).toContain(state);
      expect(log).not.toContain(canary);
    },
  );

  it("of people too", async () => {
    const log = await logged(() => pod.psql(as("alice"), `SELECT '${canary}'::integer`));
    expect(log).toMatch(/connection authorized: user=alice/);
    expect(log).not.toContain(canary);
  });

  it("in a warning, and in a statement list that begins with DDL", async () => {
    const log = await logged(() => {
      pod.psql(as("app_a"), `SELECT warn('${canary}')`);
      pod.psql(as("app_a"), `SET search_path = public; SELECT '${canary}'`);
      pod.psql(as("migration"), `BEGIN; CREATE TABLE t (x text DEFAULT '${canary}'); ROLLBACK`);
    });
    expect(log).not.toContain(canary);
  });

  it("when the backend that works on it is killed: the server names no statement", async () => {
    const log = await logged(() => {
      pod.startPsql(
        as("app_a", { options: "application_name=victim" }),
        `SELECT pg_sleep(60), '${canary}';\n`,
      );
      const pid = (): string =>
        pod.superuser("SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'").stdout;
      while (pid() === "");
      process.kill(Number(pid()), "SIGKILL");
      while (pod.superuser("SELECT 1").code !== 0);
    });
    expect(log).toMatch(/was terminated by signal 9/);
    expect(log).not.toContain(canary);
  });

  it("in the statistics of statements", () => {
    pod.psql(as("app_a"), `SELECT count(*) FROM patients WHERE name = '${canary}'`);
    const seen = pod.superuser("SELECT query FROM pg_stat_statements").stdout;
    expect(seen).toContain("FROM patients WHERE name = $1");
    expect(seen).not.toContain(canary);
  });
});

describe("the audit", () => {
  const auditLines = async (user: string, sql: string): Promise<readonly string[]> => {
    const log = await logged(() => pod.psql(as(user), sql));
    return log.split("\n").flatMap((line) => {
      const [, found] = /AUDIT: (.*)$/.exec(line) ?? [];
      return found === undefined ? [] : [`${/ (\w+)@userdb /.exec(line)?.[1] ?? "?"} ${found}`];
    });
  };

  it("has one line for each table that a statement touches: who, what kind, no text and no parameter", async () => {
    expect(await auditLines("alice", `SELECT * FROM patients WHERE name = '${canary}'`)).toEqual([
      "alice OBJECT,1,1,READ,SELECT,TABLE,public.patients,<not logged>,<not logged>",
    ]);
    expect(await auditLines("app_a", `UPDATE patients SET name = name WHERE name = '${canary}'`)).toEqual([
      "app_a OBJECT,1,1,WRITE,UPDATE,TABLE,public.patients,<not logged>,<not logged>",
    ]);
  });

  it("has one for a change of structure, without its text", async () => {
    const lines = await auditLines("migration", "CREATE TABLE notes (id integer PRIMARY KEY)");
    expect(lines).toContain("migration SESSION,1,1,DDL,CREATE TABLE,,,<not logged>,<not logged>");
  });

  it("covers a table from the moment it is made", async () => {
    expect(await auditLines("app_b", "SELECT * FROM notes")).toEqual([
      "app_b OBJECT,1,1,READ,SELECT,TABLE,public.notes,<not logged>,<not logged>",
    ]);
  });

  it("leaves out what config does not name", async () => {
    const before = pod.log.length;
    mountRoles(pod, { auditedTables: ["public.patients"] });
    await pod.until("the change is applied", () =>
      pod.log.slice(before).includes("postgres-keeper: applied"),
    );
    expect(await auditLines("app_b", "SELECT * FROM notes")).toEqual([]);
    expect(await auditLines("app_b", "SELECT count(*) FROM patients")).toHaveLength(1);
  });
});

describe("maintenance", () => {
  const run = (script: "vacuum" | "amcheck"): Result =>
    pod.exec([
      "env",
      ...["PGHOST=postgres", `PGHOSTADDR=${addresses.server}`, "PGUSER=maintenance", "PGDATABASE=userdb"],
      ...["PGSSLMODE=verify-full", `PGSSLROOTCERT=${layout.tlsDirectory}/ca.crt`],
      ...["bash", `/etc/platform/maintenance/${script}.sh`],
    ]);

  beforeAll(() => {
    pod.mount("/run/platform/maintenance-password", { maintenance: as("maintenance").password });
    pod.mount("/etc/platform/maintenance", maintenanceScripts());
  });

  it("vacuums and analyzes every table", () => {
    expect(run("vacuum")).toMatchObject({
      code: 0,
      stdout: "vacuum: vacuum and analyze\nvacuum: done",
      stderr: "",
    });
    expect(
      pod.superuser(
        "SELECT last_vacuum IS NOT NULL AND last_analyze IS NOT NULL FROM pg_stat_user_tables WHERE relname = 'patients'",
      ).stdout,
    ).toBe("t");
  });

  it("calls the application's clean-up with its owner's rights, and goes on when it fails, without a value", () => {
    const hook = (body: string): string =>
      `CREATE OR REPLACE FUNCTION platform_cleanup() RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN ${body}; END $$`;
    pod.psql(as("app_a"), "INSERT INTO patients VALUES (99, 'old')");
    expect(pod.psql(as("migration"), hook("DELETE FROM patients WHERE id = 99")).code).toBe(0);
    expect(run("vacuum")).toMatchObject({ code: 0 });
    expect(pod.superuser("SELECT count(*) FROM patients WHERE id = 99").stdout).toBe("0");
    pod.psql(as("migration"), hook(`RAISE EXCEPTION '%', '${canary}'`));
    const failed = run("vacuum");
    expect(failed).toMatchObject({ code: 1, stderr: "ERROR:  P0001" });
    expect(failed.stdout).toMatch(/platform_cleanup\(\) failed.*\nvacuum: vacuum and analyze\nvacuum: done/);
  });

  it("does nothing while the log has no room", async () => {
    await pod.stop("keeper", "TERM");
    pod.superuser("SELECT platform.switch_application(true, 9, 10)");
    expect(run("vacuum")).toMatchObject({ code: 0 });
    expect(run("vacuum").stdout).toContain("no room");
    pod.superuser("SELECT platform.switch_application(false, 1, 10)");
  });

  it("checks tables and indexes, and finds a damaged one", () => {
    expect(run("amcheck")).toMatchObject({ code: 0, stderr: "" });
    pod.superuser(
      "CREATE TABLE public.broken AS SELECT i FROM generate_series(1, 5000) i; CREATE INDEX broken_i ON public.broken (i); CHECKPOINT",
    );
    // A row that never reached its index, as after a fault of the disk.
    pod.superuser(
      "SET allow_system_table_mods = on; UPDATE pg_index SET indisready = false WHERE indexrelid = 'public.broken_i'::regclass",
    );
    pod.superuser("INSERT INTO public.broken VALUES (9999)");
    pod.superuser(
      "SET allow_system_table_mods = on; UPDATE pg_index SET indisready = true WHERE indexrelid = 'public.broken_i'::regclass",
    );
    const found = run("amcheck");
    expect(found.code).not.toBe(0);
    expect(found.stdout + found.stderr).toContain("broken_i");
  });
});
