import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { as, layout, mountRoles, passwords, people, startDatabase } from "../support/platformDatabase.ts";
import { pod as addresses, serverTls, type Client, type PostgresPod } from "../support/postgresPod.ts";

/** Who gets in, what each role may do, and how a change of them reaches the running server. */

let pod: PostgresPod;

const applied = async (change: () => void): Promise<void> => {
  const before = pod.log.split("postgres-keeper: applied").length;
  change();
  await pod.until("the change is applied", () => pod.log.split("postgres-keeper: applied").length > before);
};

beforeAll(async () => {
  pod = await startDatabase();
});

afterAll(async () => {
  await (pod as PostgresPod | undefined)?.destroy();
});

describe("who gets in", () => {
  it.each([
    ["migration", "userdb"],
    ["app_a", "userdb"],
    ["app_b", "userdb"],
    ["pgbouncer_auth", "userdb"],
    ["monitor", "userdb"],
    ["monitor", "postgres"],
    ["maintenance", "userdb"],
    ["backup", "postgres"],
    ["alice", "userdb"],
  ])("%s into %s, over TLS with its password", (user, database) => {
    expect(pod.psql(as(user, { database }), "SELECT current_user")).toMatchObject({ code: 0, stdout: user });
  });

  it("nobody with another password, in clear, from the bridge, or as superuser", () => {
    const refusal = (client: Client): string => pod.psql(client, "SELECT 1").stderr;
    expect(refusal(as("app_a", { password: "wrong" }))).toContain("password authentication failed");
    expect(refusal(as("app_a", { options: "sslmode=disable" }))).toContain("no encryption");
    expect(refusal(as("app_a", { host: addresses.bridge }))).toContain("pg_hba.conf rejects connection");
    expect(refusal(as("backup", { host: addresses.bridge, options: "replication=true" }))).toContain(
      "pg_hba.conf rejects replication connection",
    );
    expect(refusal(as("postgres", { database: "postgres" }))).toContain("pg_hba.conf rejects connection");
    expect(refusal(as("app_a", { database: "postgres" }))).toContain("no pg_hba.conf entry");
    expect(refusal(as("auditor"))).toContain("no pg_hba.conf entry");
    expect(
      refusal(as("app_a", { options: "ssl_max_protocol_version=TLSv1.1 ssl_min_protocol_version=TLSv1" })),
    ).not.toBe("");
  });

  it("people through the pod's own loopback, where a forwarded port ends", () => {
    expect(pod.psql(as("alice", { host: "127.0.0.1" }), "SELECT 1").stdout).toBe("1");
    expect(pod.psql(as("app_a", { host: "127.0.0.1" }), "SELECT 1").stderr).toContain("no pg_hba.conf entry");
  });

  it("no line of pg_hba.conf that the server does not understand", () => {
    expect(pod.superuser("SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL").stdout).toBe("0");
    expect(
      pod.superuser("SELECT DISTINCT type, auth_method FROM pg_hba_file_rules ORDER BY 1, 2").stdout,
    ).toBe("hostssl|reject\nhostssl|scram-sha-256\nlocal|peer");
  });
});

describe("the volume of the data", () => {
  it("is locked while the server runs: a second one, of another pod, would wait", () => {
    expect(pod.exec(["flock", "--nonblock", layout.dataRoot, "true"]).code).toBe(1);
    const holders = pod.exec([
      "bash",
      "-c",
      `readlink /proc/[0-9]*/fd/* 2>/dev/null | grep -cx ${layout.dataRoot}`,
    ]);
    expect(Number(holders.stdout)).toBeGreaterThan(3); // its children too
  });
});

describe("roles", () => {
  it("hold exactly these attributes", () => {
    const rows = pod.superuser(
      `SELECT rolname, rolcanlogin, rolreplication, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls
         FROM pg_roles WHERE rolname !~ '^pg_' ORDER BY 1`,
    ).stdout;
    expect(rows.split("\n")).toEqual([
      "alice|t|f|f",
      "app_a|t|f|f",
      "app_b|t|f|f",
      "app_dml|f|f|f",
      "auditor|f|f|f",
      "backup|t|f|f",
      "bob|t|f|f",
      "maintenance|t|f|f",
      "migration|t|f|f",
      "monitor|t|f|f",
      "pgbouncer_auth|t|f|f",
      "postgres|t|t|t",
      "reader|f|f|f",
    ]);
  });

  it("of the application write rows, and make nothing", () => {
    expect(
      pod.psql(
        as("migration"),
        "CREATE TABLE visits (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)",
      ).code,
    ).toBe(0);
    expect(pod.psql(as("app_a"), "INSERT INTO visits (note) VALUES ('x') RETURNING id").stdout).toBe("1");
    expect(pod.psql(as("app_b"), "SELECT count(*) FROM visits").stdout).toBe("1");
    for (const sql of [
      "CREATE TABLE t ()",
      "DROP TABLE visits",
      "TRUNCATE visits",
      "CREATE TEMP TABLE t ()",
    ]) {
      expect(pod.psql(as("app_a"), sql).stderr).toMatch(/permission denied|must be owner/);
    }
  });

  it("of people read, and only that", () => {
    expect(pod.psql(as("alice"), "SELECT count(*) FROM visits").stdout).toBe("1");
    expect(
      pod.psql(as("alice"), "SET default_transaction_read_only = off; DELETE FROM visits").stderr,
    ).toContain("permission denied");
    const settings = "SELECT current_setting('idle_session_timeout'), current_setting('statement_timeout')";
    expect(pod.psql(as("alice"), settings).stdout).toBe("15min|5min");
    expect(pod.psql(as("app_a"), settings).stdout).toBe("0|0");
  });

  it("of the pooler learn the two verifiers of the application, and nothing else", () => {
    const lookup = (name: string): string =>
      pod.psql(as("pgbouncer_auth"), `SELECT uname, left(phash, 14) FROM pgbouncer.user_lookup('${name}')`)
        .stdout;
    expect(lookup("app_a")).toBe("app_a|SCRAM-SHA-256$");
    expect(lookup("app_b")).toBe("app_b|SCRAM-SHA-256$");
    for (const name of ["postgres", "migration", "monitor", "alice", "nobody"]) expect(lookup(name)).toBe("");
    expect(pod.psql(as("pgbouncer_auth"), "SELECT * FROM public.visits").stderr).toContain(
      "permission denied",
    );
    expect(pod.psql(as("app_a"), "SELECT pgbouncer.user_lookup('app_b')").stderr).toContain(
      "permission denied",
    );
  });

  it("of the backup start and end one", () => {
    const sql =
      "SELECT pg_backup_start('test', true) IS NOT NULL; SELECT labelfile <> '' FROM pg_backup_stop(false)";
    expect(pod.psql(as("backup", { database: "postgres" }), sql).stdout).toBe("t\nt");
    expect(pod.psql(as("backup"), sql).stdout).toBe("t\nt");
  });

  it("of maintenance vacuum and check what is not theirs, and read no row", () => {
    expect(pod.psql(as("maintenance"), "VACUUM (ANALYZE)")).toMatchObject({ code: 0, stderr: "" });
    expect(pod.psql(as("maintenance"), "SELECT * FROM public.visits").stderr).toContain("permission denied");
  });
});

describe("a change of passwords or people", () => {
  const verifiers = (): string =>
    pod.superuser("SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL ORDER BY 1")
      .stdout;

  it("leaves every other verifier as it is", async () => {
    const before = verifiers().split("\n");
    await applied(() => {
      pod.mount(layout.passwordDirectory, passwords({ app_b: "another-password-0123456789" }));
    });
    const after = verifiers().split("\n");
    expect(after.filter((line) => !before.includes(line)).map((line) => line.split("|")[0])).toEqual([
      "app_b",
    ]);
    expect(pod.psql(as("app_b", { password: "another-password-0123456789" }), "SELECT 1").code).toBe(0);
    expect(pod.psql(as("app_b"), "SELECT 1").code).not.toBe(0);
    expect(pod.psql(as("app_a"), "SELECT 1").code).toBe(0);
  });

  it("waits for a password that has not arrived, and takes none away", async () => {
    const before = verifiers();
    mountRoles(pod, { readers: [...people, "carol"] });
    await pod.until("it tries again", () => pod.log.includes("could not apply them"));
    expect(verifiers()).toBe(before);
    await applied(() => {
      pod.mount(layout.passwordDirectory, { ...passwords(), carol: as("carol").password });
    });
    expect(pod.psql(as("carol"), "SELECT 1").code).toBe(0);
  });

  it("ends the access of whoever has left", async () => {
    await applied(() => {
      mountRoles(pod, { readers: ["alice"] });
    });
    expect(pod.psql(as("bob"), "SELECT 1").code).not.toBe(0);
    expect(
      pod.superuser("SELECT rolcanlogin, rolpassword IS NULL FROM pg_authid WHERE rolname = 'bob'").stdout,
    ).toBe("f|t");
  });
});

describe("a new certificate", () => {
  it("is served without a restart, and sessions go on", async () => {
    const started = (): string => pod.superuser("SELECT pg_postmaster_start_time()").stdout;
    const before = started();
    pod.startPsql(as("app_a", { options: "application_name=lasting" }), "SELECT 1;\n");
    const lasting = (): string =>
      pod.superuser("SELECT pid FROM pg_stat_activity WHERE application_name = 'lasting'").stdout;
    await pod.until("a session", () => lasting() !== "");
    const pid = lasting();
    // Signed by another CA, which is what clients verify against from here on.
    const renewed = serverTls();
    pod.mount(layout.tlsDirectory, renewed);
    expect(pod.psql(as("app_a"), "SELECT 1").stderr).toContain("certificate verify failed");
    await pod.until("it is served", () => pod.psql(as("app_a"), "SELECT 1").code === 0);
    expect(started()).toBe(before);
    expect(lasting()).toBe(pid);
  });
});

describe("the keeper", () => {
  it("writes a heartbeat that monitoring can read, and nobody else can", async () => {
    const heartbeat = (): string => pod.psql(as("monitor"), "SELECT at FROM platform.heartbeat").stdout;
    const before = heartbeat();
    await pod.until("it beats", () => heartbeat() !== before, 10);
    expect(pod.psql(as("app_a"), "SELECT at FROM platform.heartbeat").stderr).toContain("permission denied");
  });

  it("undoes what was changed by hand when the server was restarted or its database exchanged", async () => {
    pod.superuser("DROP SCHEMA platform CASCADE; ALTER ROLE app_a CREATEDB");
    await pod.until(
      "it is applied again",
      () => pod.psql(as("monitor"), "SELECT * FROM platform.heartbeat").code === 0,
    );
    expect(pod.superuser("SELECT rolcreatedb FROM pg_roles WHERE rolname = 'app_a'").stdout).toBe("f");
  });
});
