import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { catalogue } from "../../../components/workload/images.ts";
import { walgRelease } from "../../../scripts/lib/build-image.ts";
import { run, type RunResult } from "../../../scripts/lib/run.ts";
import { readRepositoryFile, repositoryFile } from "../stacks/examples.ts";

let box: string;
beforeEach(() => {
  box = mkdtempSync(join(tmpdir(), "images-build-test-"));
});
afterEach(() => {
  rmSync(box, { recursive: true, force: true });
});

/** An engine that writes down what it is asked for, and what lies in the directory that it gets. */
const fake = (name: string, body: string): void => {
  const path = join(box, name);
  writeFileSync(
    path,
    `#!/bin/bash
case "${name} $*" in
  'docker buildx version') echo 'github.com/docker/buildx v0.30.1'; exit ;;
  'podman --version') exit ;;
esac
echo "${name} $*" >>'${box}/calls'
for argument; do
  case $argument in
    --metadata-file=*) metadata=\${argument#*=} ;;
    --digestfile=*) digests=\${argument#*=} ;;
    /*) ls "$argument" >'${box}/context' ;;
  esac
done
${body}
`,
  );
  chmodSync(path, 0o755);
};
const build = (...args: readonly string[]): Promise<RunResult> =>
  run(process.execPath, [repositoryFile("scripts/images-build.ts"), ...args], {
    env: { PATH: `${box}:/usr/bin:/bin`, TMPDIR: box },
  });
const calls = (): readonly string[] =>
  readFileSync(join(box, "calls"), "utf8")
    .trim()
    .split("\n")
    .map((line) => line.replaceAll(/\/[^ =:]*images-build-[^/ ]+/g, "CONTEXT"))
    .map((line) => line.replaceAll(/(?<=images-build:)images-build-\w+/g, "RUN"));

const repository = "registry.example.com/team/postgres";
const digest = `sha256:${"ab".repeat(32)}`;
const values = [
  `--build-arg=POSTGRES=${catalogue.postgres.ref}`,
  `--build-arg=CURL=${catalogue.curl.ref}`,
  "--build-arg=WALG_VERSION=3.0.9",
  `--build-arg=WALG_SHA256_AMD64=${walgRelease.sha256.amd64}`,
  `--build-arg=WALG_SHA256_ARM64=${walgRelease.sha256.arm64}`,
].join(" ");

describe("images:build", () => {
  it("builds with docker from a directory of its own, pushes, and says what to set", async () => {
    fake("docker", `echo '{"containerimage.digest":"${digest}"}' >"$metadata"`);
    const result = await build(repository);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(calls()).toEqual([
      `docker buildx build --file=CONTEXT/Containerfile ${values} --no-cache --platform=linux/amd64 --tag=${repository}:18.6-trixie-full --provenance=false --push --metadata-file=CONTEXT/metadata.json CONTEXT`,
    ]);
    expect(readFileSync(join(box, "context"), "utf8")).toBe("Containerfile\nwalg-binary.sh\n");
    expect(result.stdout.split("\n").slice(-6, -1)).toEqual([
      "pushed. In each stack that shall use it:",
      `pulumi config set --path 'platform:images.postgres' ${repository}:18.6-trixie-full@${digest}`,
      "pulumi config set --path 'platform:data.postgres.imageContents[0]' pgaudit",
      "pulumi config set --path 'platform:data.postgres.imageContents[1]' walg",
      "pulumi config rm --path 'platform:data.backup.binary'",
    ]);
  });

  it("builds with podman for several platforms under one digest", async () => {
    fake("podman", `[[ -z \${digests:-} ]] || printf %s ${digest} >"$digests"`);
    const result = await build(
      ...[repository, "--engine", "podman", "--platform", "linux/amd64,linux/arm64", "--tag", "18.6-1"],
    );
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(calls()).toEqual([
      `podman build --file=CONTEXT/Containerfile ${values} --no-cache --platform=linux/amd64,linux/arm64 --manifest=localhost/images-build:RUN CONTEXT`,
      `podman manifest push --all --digestfile=CONTEXT/digest localhost/images-build:RUN docker://${repository}:18.6-1`,
      "podman manifest rm localhost/images-build:RUN",
    ]);
    expect(result.stdout).toContain(`${repository}:18.6-1@${digest}`);
  });

  it("leaves no list of podman's behind when the push fails, and says why", async () => {
    fake("podman", `[[ $* != 'manifest push'* ]] || { echo 'connection refused' >&2; exit 125; }`);
    const result = await build(repository, "--engine", "podman");
    expect(result).toMatchObject({
      code: 1,
      stderr: "connection refused\nerror: podman ended with 125; what it said stands above\n",
    });
    expect(result.stdout).not.toContain("pushed");
    expect(calls().at(-1)).toBe("podman manifest rm localhost/images-build:RUN");
  });

  it.each([
    ["a docker without buildx", 'echo "unknown command: docker buildx" >&2; exit 1'],
    ["a podman under docker's name", "echo 'buildah 1.42.0'; exit 0"],
  ])("takes podman where there is %s", async (_, answer) => {
    writeFileSync(join(box, "docker"), `#!/bin/bash\n${answer}\n`, { mode: 0o755 });
    fake("podman", `[[ -z \${digests:-} ]] || printf %s ${digest} >"$digests"`);
    expect(await build(repository)).toMatchObject({ code: 0, stderr: "" });
    expect(calls()[0]).toContain("podman build");
  });

  it("shows what the engine says while it works", async () => {
    // The engine waits until its first line has been read: were it shown at the end only, both would wait for ever.
    fake(
      "docker",
      `echo 'STEP 1'; until [[ -e ${box}/seen ]]; do sleep 0.05; done; echo '{"containerimage.digest":"${digest}"}' >"$metadata"`,
    );
    const result = await run(process.execPath, [repositoryFile("scripts/images-build.ts"), repository], {
      env: { PATH: `${box}:/usr/bin:/bin`, TMPDIR: box },
      onOutput: (text) => {
        if (text.includes("STEP 1")) writeFileSync(join(box, "seen"), "");
      },
      timeoutSeconds: 20,
    });
    expect(result).toMatchObject({ code: 0, stderr: "STEP 1\n" });
  });

  it("fails with what the engine said, and without a digest", async () => {
    fake("docker", "echo 'refused: pinned is another digest' >&2; exit 1");
    const failed = await build(repository);
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("pinned is another digest")]);
    fake("docker", `echo '{}' >"$metadata"`);
    const silent = await build(repository);
    expect([silent.code, silent.stderr]).toEqual([1, expect.stringContaining("docker told no digest")]);
  });

  it("runs nothing in a dry run", async () => {
    fake("docker", "true");
    const result = await build(repository, "--dry-run");
    expect([result.code, existsSync(join(box, "calls"))]).toEqual([0, false]);
    expect(result.stdout).toContain("docker buildx build");
  });

  it.each([
    [["team/postgres"], "is not HOST/PATH:TAG"],
    [[repository, "--tag", "17.2"], "does not begin with 18"],
    [[repository, "--platform", "linux/s390x"], '"linux/s390x" is not linux/amd64 or linux/arm64'],
    [[repository, "--engine", "make"], '"make" is not one of docker, podman'],
    [[], "one REPOSITORY is needed"],
  ])("refuses %j", async (args, message) => {
    const { code, stderr } = await build(...args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(message)]);
  });
});

describe("the Containerfile", () => {
  it("takes every value from outside, and gets every one that it takes", () => {
    const names = readRepositoryFile("images/postgres/Containerfile").matchAll(/^ARG (\w+)(.*)$/gm);
    const args = [...names].map(([, name = "", fallback = ""]) => `${name}${fallback}`);
    expect(args).toEqual([
      ...["POSTGRES", "CURL", "TARGETARCH", "WALG_VERSION", "WALG_SHA256_AMD64", "WALG_SHA256_ARM64"],
    ]);
  });

  it("sets the mode of what it copies, so that none depends on the umask of the checkout", () => {
    const copies = readRepositoryFile("images/postgres/Containerfile").match(/^COPY .*$/gm);
    expect(copies?.map((line) => line.includes(" --chmod="))).toEqual([true, true]);
  });

  it("has the wal-g that the examples download", () => {
    for (const stack of ["staging", "production"]) {
      const { config } = parse(readRepositoryFile(`Pulumi.${stack}.yaml`)) as {
        config: Record<string, { backup: { binary: object } }>;
      };
      expect(config["platform:data"]?.backup.binary).toEqual({
        url: `https://github.com/wal-g/wal-g/releases/download/v${walgRelease.version}/wal-g-pg-22.04-amd64`,
        sha256: walgRelease.sha256.amd64,
      });
    }
  });
});
