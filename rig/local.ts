/**
 * `make local` and `make local-down`: the stack `local` on a throw-away host of this machine.
 *
 *   node rig/local.ts up     builds what is missing, starts the host, runs `pulumi up`, prints the URLs
 *   node rig/local.ts down   ends the host and removes its files; the cache of built things stays
 */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { artifacts, execute, host, must, repository, RigStack, stackArchives } from "./stack.ts";

const HOST = "local";
const LOOPBACK = "127.0.80.1";
const directory = join(repository, ".local");
const started = process.hrtime.bigint();

const say = (text: string): void => {
  const seconds = Number((process.hrtime.bigint() - started) / 1_000_000_000n);
  process.stderr.write(`[${String(seconds).padStart(4)}s] local: ${text}\n`);
};

const forward = (...args: string[]): Promise<string> =>
  must(join(repository, "rig", "host", "forward.sh"), args);

/** Refuses with the reason where no throw-away host can run. */
const checkSupported = async (): Promise<void> => {
  const result = await execute(join(repository, "rig", "host", "host.sh"), ["supported"]);
  if (result.code !== 0)
    throw new Error(`this machine cannot run a throw-away host: ${result.stdout.trim()}`);
};

const startHost = async (): Promise<void> => {
  if (!existsSync(join(repository, ".rig", "hosts", HOST, "complete"))) {
    say(`making the throw-away host ${HOST} (Debian 13)`);
    await must(join(repository, "rig", "host", "host.sh"), ["create", HOST], { echo: "all" });
  }
  await must(join(repository, "rig", "host", "host.sh"), ["start", HOST], { echo: "all" });
};

interface LocalOutputs {
  readonly apiUrl: string;
  readonly caCertificate: string;
}

const announce = (outputs: LocalOutputs): void => {
  const authority = join(".local", "ca.crt");
  writeFileSync(join(repository, authority), outputs.caCertificate);
  const name = new URL(outputs.apiUrl).hostname;
  process.stdout.write(
    [
      "",
      `API   ${outputs.apiUrl}/health/api`,
      "",
      "Open it from this machine:",
      `  curl --cacert ${authority} --resolve ${name}:443:${LOOPBACK} ${outputs.apiUrl}/health/api`,
      "",
      "Look inside:  make local-shell      Remove all of it:  make local-down",
      "",
    ].join("\n"),
  );
};

const up = async (): Promise<void> => {
  await checkSupported();
  say(
    "building what is missing (a first run compiles for some ten minutes, later ones find it in the cache)",
  );
  await artifacts(stackArchives);
  await startHost();
  const stack = new RigStack({ directory, hostName: HOST, archives: stackArchives });
  await stack.configure();
  say("stack file and secrets: .local/Pulumi.local.yaml");
  await stack.init();
  await stack.releaseDeadLocks();
  say("pulumi up");
  const result = await stack.pulumi(["up", "--yes", "--skip-preview", "--suppress-permalink"], {
    echo: "all",
  });
  if (result.code !== 0) throw new Error("pulumi up failed, see above; it can be run again as it is");
  await forward("start", HOST, LOOPBACK, "80", "443");
  announce((await stack.outputs()) as unknown as LocalOutputs);
  say("done");
};

const down = async (): Promise<void> => {
  await forward("stop", HOST).catch(() => undefined);
  if (existsSync(join(repository, ".rig", "hosts", HOST))) await host("destroy", HOST);
  rmSync(directory, { recursive: true, force: true });
  say("the host, its data, the state and the secrets of stack local are gone; the build cache stays");
};

const command = process.argv[2];
const action = { up, down }[command ?? ""];
if (action === undefined) {
  process.stderr.write("usage: node rig/local.ts up|down\n");
  process.exitCode = 2;
} else {
  await action().catch((error: unknown) => {
    say(`error: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  });
}
