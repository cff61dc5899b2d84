/** What `images:build` does, without the process around it. */

import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { postgresLayout } from "../../components/data/layout.ts";
import { imageRefProblem, resolveImage, tagVersion } from "../../components/workload/images.ts";
import { repositoryPath } from "./repository.ts";
import { run } from "./run.ts";
import { UserError } from "./user-error.ts";

/**
 * The release that the image carries. The digests are second-hand (other projects pin the same ones): compare them with
 * the checksum file of the release before the image holds patient data. A wrong one stops the build.
 */
export const walgRelease = {
  version: "3.0.9",
  sha256: {
    amd64: "d6795c663894d836ba20840bffe8970aed81bbe25d3151bd4951f6f9c362def9",
    arm64: "072eb4a4a119f817e1fa888c64a776b01e3453b2e0d967a67d149adb18fde652",
  },
} as const;

const engines = ["docker", "podman"] as const;
type Engine = (typeof engines)[number];

const usage = `usage: npm run images:build -- REPOSITORY [--tag TAG] [--platform LIST] [--engine NAME] [--dry-run]

  REPOSITORY  where the image is pushed to, e.g. registry.example.com/team/postgres; log in there before
  --tag       default: the tag of the catalogue's postgres, then -full
  --platform  e.g. linux/amd64,linux/arm64; default linux/amd64
  --engine    ${engines.join(" or ")}; default: the first that is there, docker only with buildx
  --dry-run   print the commands, run nothing`;

interface Request {
  readonly repository: string;
  readonly tag: string;
  readonly platforms: readonly string[];
  readonly engine: Engine | undefined;
  readonly dryRun: boolean;
}

const parseRequest = (argv: readonly string[]): Request | undefined => {
  let parsed;
  try {
    const string = { type: "string" } as const;
    const flag = { type: "boolean", default: false } as const;
    const options = { tag: string, platform: string, engine: string, "dry-run": flag, help: flag };
    parsed = parseArgs({ args: [...argv], allowPositionals: true, options });
  } catch (error) {
    throw new UserError(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  const [repository, ...more] = positionals;
  if (repository === undefined || more.length > 0)
    throw new UserError(`one REPOSITORY is needed\n\n${usage}`);
  const engine = engines.find((name) => name === values.engine);
  if (values.engine !== undefined && engine === undefined)
    throw new UserError(`--engine: "${values.engine}" is not one of ${engines.join(", ")}`);
  const tag = values.tag ?? `${resolveImage("postgres", {}).tag}-full`;
  const platforms = (values.platform ?? "linux/amd64").split(",");
  checkRequest(repository, tag, platforms);
  return { repository, tag, platforms, engine, dryRun: values["dry-run"] };
};

const checkRequest = (repository: string, tag: string, platforms: readonly string[]): void => {
  const problem = imageRefProblem("postgres", `${repository}:${tag}@sha256:${"0".repeat(64)}`);
  if (problem !== undefined)
    throw new UserError(
      `REPOSITORY: "${repository}" with the tag "${tag}" is not HOST/PATH:TAG such as registry.example.com/team/postgres:18.6-full`,
    );
  if (tagVersion(tag)?.[0] !== postgresLayout.major)
    throw new UserError(
      `--tag: "${tag}" does not begin with ${String(postgresLayout.major)}; the stack reads the major version of PostgreSQL there`,
    );
  const unknown = platforms.filter((platform) => !["linux/amd64", "linux/arm64"].includes(platform));
  if (unknown.length > 0)
    throw new UserError(`--platform: "${unknown.join(",")}" is not linux/amd64 or linux/arm64`);
};

const findEngine = async (): Promise<Engine> => {
  // Not `docker --version`: neither a client without the plugin answers this nor podman under docker's name.
  const buildx = await run("docker", ["buildx", "version"]).catch(() => undefined);
  if (buildx?.code === 0 && buildx.stdout.includes("docker/buildx")) return "docker";
  const podman = await run("podman", ["--version"]).catch(() => undefined);
  if (podman?.code === 0) return "podman";
  throw new UserError("there is neither docker with buildx nor podman on PATH; install one of them");
};

interface Step {
  readonly command: Engine;
  readonly args: readonly string[];
}

/** The commands, and where the digest of what was pushed stands afterwards. */
const plan = (request: Request, engine: Engine, context: string): readonly Step[] => {
  const name = `${request.repository}:${request.tag}`;
  const values = {
    POSTGRES: resolveImage("postgres", {}).ref,
    CURL: resolveImage("curl", {}).ref,
    WALG_VERSION: walgRelease.version,
    WALG_SHA256_AMD64: walgRelease.sha256.amd64,
    WALG_SHA256_ARM64: walgRelease.sha256.arm64,
  };
  const build = [
    `--file=${join(context, "Containerfile")}`,
    ...Object.entries(values).map(([key, value]) => `--build-arg=${key}=${value}`),
    // Else a second build on the same base installs no newer packages than the first.
    "--no-cache",
    `--platform=${request.platforms.join(",")}`,
  ];
  if (engine === "docker")
    return [
      {
        command: "docker",
        // Without attestations: they would be two more images that no node can run.
        args: [
          ...["buildx", "build", ...build, `--tag=${name}`, "--provenance=false", "--push"],
          ...[`--metadata-file=${join(context, "metadata.json")}`, context],
        ],
      },
    ];
  const list = localList(context);
  return [
    { command: "podman", args: ["build", ...build, `--manifest=${list}`, context] },
    {
      command: "podman",
      args: [
        ...["manifest", "push", "--all", `--digestfile=${join(context, "digest")}`],
        ...[list, `docker://${name}`],
      ],
    },
  ];
};

/**
 * The name of the list here, new in each run: one that an earlier run left would grow by this build, and a name that
 * an image was pulled under is refused.
 */
const localList = (context: string): string => `localhost/images-build:${basename(context)}`;

const digestOf = (engine: Engine, context: string): string => {
  const text =
    engine === "podman"
      ? readFileSync(join(context, "digest"), "utf8").trim()
      : (JSON.parse(readFileSync(join(context, "metadata.json"), "utf8")) as Record<string, unknown>)[
          "containerimage.digest"
        ];
  if (typeof text !== "string" || !/^sha256:[0-9a-f]{64}$/.test(text))
    throw new UserError(`${engine} told no digest of what it pushed, but "${String(text)}"`);
  return text;
};

/** Building pulls an image and installs packages. */
const stepSeconds = 3600;

/** A directory of its own, so that nothing else of the repository is sent to the builder. */
const makeContext = (): string => {
  const context = mkdtempSync(join(tmpdir(), "images-build-"));
  const from = repositoryPath("images/postgres");
  for (const file of readdirSync(from)) copyFileSync(join(from, file), join(context, file));
  copyFileSync(
    repositoryPath("components/data/backup-scripts/walg-binary.sh"),
    join(context, "walg-binary.sh"),
  );
  return context;
};

/**
 * Builds and pushes the database's image.
 * @param print gets what a person should read
 * @param show gets what the engine says, as it says it: building takes minutes
 * @throws UserError that names what is wrong
 */
export const buildImage = async (
  argv: readonly string[],
  print: (line: string) => void,
  show: (text: string) => void,
): Promise<void> => {
  const request = parseRequest(argv);
  if (request === undefined) {
    print(usage);
    return;
  }
  const engine = request.engine ?? (request.dryRun ? "docker" : await findEngine());
  const context = makeContext();
  try {
    for (const { command, args } of plan(request, engine, context)) {
      print([command, ...args].join(" "));
      if (request.dryRun) continue;
      const { code } = await run(command, args, { timeoutSeconds: stepSeconds, onOutput: show });
      if (code !== 0) throw new UserError(`${command} ended with ${String(code)}; what it said stands above`);
    }
    if (request.dryRun) return;
    for (const line of settings(`${request.repository}:${request.tag}@${digestOf(engine, context)}`))
      print(line);
  } finally {
    // A build that failed may have made no list, so the answer says nothing.
    if (engine === "podman" && !request.dryRun)
      await run("podman", ["manifest", "rm", localList(context)]).catch(() => undefined);
    rmSync(context, { recursive: true, force: true });
  }
};

const settings = (ref: string): readonly string[] => [
  "pushed. In each stack that shall use it:",
  `pulumi config set --path 'platform:images.postgres' ${ref}`,
  "pulumi config set --path 'platform:data.postgres.imageContents[0]' pgaudit",
  "pulumi config set --path 'platform:data.postgres.imageContents[1]' walg",
  "pulumi config rm --path 'platform:data.backup.binary'",
];
