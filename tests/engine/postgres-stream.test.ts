import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parse } from "yaml";
import { backupScripts, shellFile } from "../../components/data/backupScripts.ts";
import { dataDirectory } from "../../components/data/layout.ts";
import { renderExporterQueries } from "../../components/data/postgresExporterQueries.ts";
import { as, layout, startDatabase } from "../support/platformDatabase.ts";
import { pod as addresses, type PostgresPod } from "../support/postgresPod.ts";

/**
 * The newest piece of the log on its way to the store, with the real receiver of PostgreSQL: what was acknowledged a
 * moment before the machine is gone is in the restored copy, although the archive has not got it. The store is a
 * directory here; wal-g's part of it is tested on a host.
 */

let pod: PostgresPod;
const store = "/tmp/store";
const scripts = "/etc/platform/backup";
const restored = "/tmp/restored";
const passwordFile = "/run/platform/backup-password";

const walg = `#!/bin/bash
set -e
folder=$WALG_S3_PREFIX/wal_005
case $1 in
  wal-push) mkdir -p "$folder"; cp "$2" "$folder/.new"; mv "$folder/.new" "$folder/$(basename "$2")" ;;
  wal-fetch) [[ -e $folder/$2 ]] || exit 74; cp "$folder/$2" "$3" ;;
esac
`;
const env = [
  ...["env", "HOME=/var/lib/postgresql", "PLATFORM_WALG=/tmp/wal-g"],
  ...[`WALG_S3_PREFIX=${store}`, `PLATFORM_PASSWORD_FILE=${passwordFile}`],
  ...["PLATFORM_STREAM_DIRECTORY=/tmp/stream", "PGHOST=postgres", `PGHOSTADDR=${addresses.server}`],
  ...[
    "PGUSER=backup",
    "PGDATABASE=userdb",
    "PGSSLMODE=verify-full",
    `PGSSLROOTCERT=${layout.tlsDirectory}/ca.crt`,
  ],
];

beforeAll(async () => {
  pod = await startDatabase({
    roles: { streams: true },
    archiveLines: [
      "archive_mode = on",
      `archive_command = 'mkdir -p ${store}/wal_005 && cp "%p" "${store}/wal_005/%f"'`,
    ],
  });
  pod.mount(scripts, backupScripts());
  writeFileSync(join(pod.root, "tmp/wal-g"), walg);
  chmodSync(join(pod.root, "tmp/wal-g"), 0o755);
  writeFileSync(join(pod.root, passwordFile), as("backup").password, { mode: 0o644 });
  expect(pod.psql(as("migration"), "CREATE TABLE visits (note text)")).toMatchObject({ code: 0 });
  const base = ["pg_basebackup", "--wal-method=none", `--pgdata=${restored}`, "--checkpoint=fast"];
  expect(
    pod.exec([
      ...env,
      "bash",
      "-c",
      `PGPASSWORD=$(<${passwordFile}) ${layout.binDirectory}/${base.join(" ")}`,
    ]),
  ).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await (pod as PostgresPod | undefined)?.destroy();
});

/** Is the text in a piece of the log in this part of the store? */
const holds = (folder: string, text: string): boolean =>
  pod.exec(["bash", "-c", `grep -l '${text}' ${store}/${folder}/* 2>/dev/null | grep -q .`]).code === 0;
/** The text stands behind the commit once more, where no compression of pages hides it. */
const write = (note: string): void => {
  const mark = `SELECT pg_logical_emit_message(false, 'test', '${note}', true) IS NULL`;
  expect(pod.psql(as("app_a"), `INSERT INTO visits VALUES ('${note}');\n${mark}`)).toMatchObject({ code: 0 });
};

it("what was written reaches the store while its piece is not finished", async () => {
  pod.start("stream", [...env, "bash", `${scripts}/stream.sh`]);
  await pod.until("the receiver runs", () => pod.log.includes("stream: receiving the log"));
  write("the first of them");
  await pod.until("it is there", () => holds("stream/wal_005", "the first of them"), 10);
  expect(holds("wal_005", "the first of them")).toBe(false);
});

it("monitoring can ask all that the alerts want to know, whether it runs and who is superuser too", () => {
  const queries = parse(renderExporterQueries(1)) as Record<string, { query: string }>;
  const answers = Object.entries(queries).map(([name, { query }]) => {
    const { code, stdout, stderr } = pod.psql(as("monitor"), `SELECT row_to_json(q) FROM (${query}) AS q`);
    expect(code, `${name}: ${stderr}`).toBe(0);
    return [name, stdout] as const;
  });
  const answer = (name: string): unknown => JSON.parse(new Map(answers).get(name) ?? "");
  expect(answer("platform_wal")).toMatchObject({ streams: 1, application_read_only: 0 });
  expect(answer("platform_sessions")).toMatchObject({ superuser: 0 });
});

it("holds nothing back on the server, and goes on in the next piece", async () => {
  expect(pod.psql(as("monitor"), "SELECT count(*) FROM pg_replication_slots").stdout).toBe("0");
  for (let piece = 0; piece < 6; piece += 1) pod.superuser("SELECT pg_switch_wal()");
  write("in a later piece");
  await pod.until("it is there", () => holds("stream/wal_005", "in a later piece"), 20);
  // What lies in memory is bounded: pieces go when they are stored.
  await pod.until(
    "finished pieces are gone",
    () => pod.exec(["bash", "-c", "ls /tmp/stream/in | wc -l"]).stdout === "1",
    10,
  );
});

it("goes on by itself when the server was restarted", async () => {
  await pod.stop("postgres", "INT");
  pod.startServer();
  await pod.until("it answers", () => pod.psql(as("app_a"), "SELECT 1").code === 0);
  write("after the restart");
  await pod.until("it is there", () => holds("stream/wal_005", "after the restart"), 30);
});

it("brings the last acknowledged write back when the machine is gone", async () => {
  write("the last one");
  await pod.until("it is there", () => holds("stream/wal_005", "the last one"), 10);
  expect(holds("wal_005", "the last one")).toBe(false);
  await pod.stop("stream", "TERM");
  await pod.stop("keeper", "TERM");
  await pod.stop("postgres", "KILL");
  expect(pod.asRoot(["rm", "-rf", layout.walRoot, dataDirectory(layout)]).code).not.toBeNull();

  const values = `set -euo pipefail; pg_bin=${layout.binDirectory} scripts=${scripts} database=userdb`;
  const library = ["walg.sh", "restore-lib.sh"].map(shellFile).join("");
  const ask = "sql 'SELECT string_agg(note, chr(10)) FROM visits' userdb >/tmp/answer";
  const recovery = pod.exec([
    ...[...env, "env", "--unset=PGHOSTADDR", "bash", "-c"],
    `${values}\n${library}\nstart_recovery ${restored} off\n${ask}\nstop_server`,
  ]);
  expect(recovery.code, recovery.stderr.slice(-2000)).toBe(0);
  expect(pod.exec(["cat", "/tmp/answer"]).stdout.split("\n")).toEqual([
    "the first of them",
    "in a later piece",
    "after the restart",
    "the last one",
  ]);
});
