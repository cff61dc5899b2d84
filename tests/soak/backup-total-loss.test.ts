import { rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

import type { Result, RigStack } from "../../rig/stack.ts";
import { backups, fingerprintOf, restore, untilArchived } from "../e2e/backups.ts";
import {
  host,
  onHost,
  platform,
  platformHost,
  request,
  sql,
  succeeded,
  until,
  untilHealthy,
} from "../e2e/support.ts";

/** The machine is gone. A new one, the repository, the stack file, the passphrase and the bucket bring everything back. */

const table = "soak_loss.rows";
const restoring = (generation: number): Record<string, unknown> => ({
  "platform:host": { generation },
  "platform:data": { postgres: { bootstrap: "restore" } },
});

interface Data {
  readonly rows: string;
  readonly visits: string;
}

const data = async (): Promise<Data> => ({
  rows: await sql(fingerprintOf(table)),
  visits: await sql(fingerprintOf("visits")),
});

const up = (stack: RigStack) => stack.pulumi(["up", "--yes", "--skip-preview"]);

/** The public half of the key that the stack logs in with: what is given to the provider with the order. */
const publicKey = (stack: RigStack): Promise<Result> =>
  stack.inEnvironment([
    ...["bash", "-c"],
    'pulumi config get platform:sshPrivateKey --stack "$0" --config-file "$1" | ssh-keygen -y -f /dev/stdin',
    ...[stack.stack, stack.configFile],
  ]);

/** The old machine and all that was on it is gone; another one is there, bare, with the stack's key. */
const loseTheMachine = async (stack: RigStack): Promise<void> => {
  const key = succeeded(await publicKey(stack)).stdout.trim();
  await host("destroy", platformHost);
  await host("create", platformHost, "--without-packages");
  await host("start", platformHost);
  await onHost(platformHost, "sh", "-c", `printf '%s\\n' "$0" >>/root/.ssh/authorized_keys`, key);
};

/** `npm run stack:init -- STACK`: what it said. */
const stackInit = async (stack: RigStack): Promise<string> => {
  const options = ["--config-file", stack.configFile, "--non-interactive"];
  const key = ["--host", await host("ip", platformHost), "--host-key", await host("hostkey", platformHost)];
  return succeeded(
    await stack.inEnvironment(["node", "scripts/stack-init.ts", stack.stack, ...options, ...key]),
  ).stdout;
};

/** A visit, and the worker has seen it: nothing changes any more. */
const write = async (note: string): Promise<void> => {
  const visit = JSON.stringify({ tenant: "clinic-loss", note });
  expect((await request("/visits", "--json", visit)).status).toBe(201);
  await until("the worker", 60, async () =>
    (await sql("SELECT count(*) FROM visits WHERE processed_at IS NULL")) === "0" ? true : undefined,
  );
};

const judge = async (what: string, began: number, before: Data): Promise<void> => {
  await untilHealthy(900);
  const after = await data();
  const seconds = (performance.now() - began) / 1000;
  expect(after).toEqual(before);
  await write(`after ${what}`);
  console.log(
    `total loss ${what}: from the bare machine to an API that answers with the data ${seconds.toFixed(0)} s; rows and hash before ${before.rows}, after ${after.rows}; of the application before ${before.visits}, after ${after.visits}`,
  );
};

beforeAll(async () => {
  await untilHealthy(300);
  // All that is written from here on is in the log only: a restore that replays none of it is found out.
  await until("the first base backup", 600, async () =>
    (await backups(platform())).length > 0 ? true : undefined,
  );
  await sql(
    `DROP SCHEMA IF EXISTS soak_loss CASCADE; CREATE SCHEMA soak_loss; CREATE TABLE ${table} AS SELECT n AS id, md5(n::text) AS hash FROM generate_series(1, 100000) AS n`,
  );
});

describe("total loss", () => {
  it("with the state: everything is back", async () => {
    const stack = platform();
    await write("before the loss with the state");
    await untilArchived(120);
    const before = await data();
    await loseTheMachine(stack);
    const began = performance.now();
    await stack.configure(restoring(1));
    const first = await up(stack); // installs host and cluster; what the state lists above them is gone
    console.log(`the first up ended with ${String(first.code)}`);
    succeeded(await stack.pulumi(["refresh", "--yes", "--skip-preview"]));
    succeeded(await up(stack));
    await judge("with the state", began, before);
  });

  it("without the state: everything is back", async () => {
    const stack = platform();
    await until("a backup of the new timeline", 600, async () =>
      (await backups(stack)).some((name) => name.startsWith("base_00000002")) ? true : undefined,
    );
    await write("before the loss without the state");
    await untilArchived(120);
    const before = await data();
    await loseTheMachine(stack);
    rmSync(join(stack.directory, "state"), { recursive: true });
    const began = performance.now();
    await stack.configure(restoring(0));
    const said = await stackInit(stack);
    expect(said).toContain("kept    backupEncryptionKey");
    expect(said).not.toContain("(secret)"); // it made none anew
    succeeded(await up(stack));
    await judge("without the state", began, before);
    await stack.configure();
    succeeded(await up(stack));
    expect(await data()).not.toEqual(before); // one more visit
  });
});

describe("a restore in place", () => {
  it("goes back to before a mistake, while the data of the mistake is kept aside", async () => {
    const stack = platform();
    const before = await sql(fingerprintOf(table));
    const moment = await sql(
      `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`,
    );
    await sql(`DELETE FROM ${table} WHERE id % 3 = 0`);
    await untilArchived(120);
    const began = performance.now();
    const result = succeeded(
      await restore(stack, ...["in-place", "--overwrite", "hc-local", "--to-time", moment]),
    );
    console.log(`in place: ${((performance.now() - began) / 1000).toFixed(0)} s\n${result.stdout}`);
    expect(await sql(fingerprintOf(table))).toBe(before);
    expect((await untilHealthy(300)).status).toBe(200);
    const preview = await stack.pulumi(["preview", "--expect-no-changes"]);
    expect(preview.code, preview.stdout).toBe(0);
  });
});
