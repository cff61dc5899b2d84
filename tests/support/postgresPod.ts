import {
  execFileSync,
  spawn,
  spawnSync,
  type ChildProcess,
  type ChildProcessWithoutNullStreams,
} from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * The database's pod without a cluster: the rig's image unpacked, our files where the pod mounts them, and its
 * containers as processes of uid 999 in a network of their own. `server` is an address of pods, `bridge` is the one
 * that pods on the host's network come from. Not proved here: what the kubelet does.
 */

export const pod = { cidr: "10.42.0.0/16", server: "10.42.0.5", bridge: "10.42.0.1" } as const;
const uid = 999;
const bin = "/usr/lib/postgresql/18/bin";

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Client {
  readonly user: string;
  readonly password: string;
  /** @default "userdb" */
  readonly database?: string;
  /** @default pod.server */
  readonly host?: string;
  /** More of the connection string, e.g. `sslmode=disable`. */
  readonly options?: string;
}

export class PostgresPod {
  public readonly root: string;
  readonly #sandbox: ChildProcess;
  readonly #inside: readonly string[];
  readonly #containers = new Map<string, ChildProcess>();
  #log = "";

  private constructor(root: string, sandbox: ChildProcess, pid: number) {
    this.root = root;
    this.#sandbox = sandbox;
    this.#inside = ["nsenter", "--target", String(pid), "--mount", "--net", "chroot"];
  }

  /** @param archive directory of `postgres.tar`, as `rig/images/build.sh` makes it */
  static async create(archive: string): Promise<PostgresPod> {
    const root = mkdtempSync(join(tmpdir(), "postgres-pod-"));
    chmodSync(root, 0o755);
    unpack(join(archive, "postgres.tar"), root);
    const setUp = [
      "set -eu",
      "ip link set lo up",
      `for a in ${pod.server} ${pod.bridge}; do ip address add $a/32 dev lo; done`,
      `mount -t proc proc ${root}/proc; mkdir -p ${root}/dev/shm; mount -t tmpfs tmpfs ${root}/dev/shm; chmod 1777 ${root}/dev/shm`,
      `for d in null zero urandom; do touch ${root}/dev/$d; mount --bind /dev/$d ${root}/dev/$d; done`,
      `ln -sfn /proc/self/fd ${root}/dev/fd`,
      "echo ready",
      "exec sleep infinity",
    ].join("\n");
    const sandbox = spawn("unshare", ["--mount", "--net", "bash", "-c", setUp], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await new Promise<void>((done, fail) => {
      sandbox.stdout.once("data", () => {
        done();
      });
      sandbox.once("exit", () => {
        fail(new Error("no namespaces on this machine"));
      });
    });
    return new PostgresPod(root, sandbox, sandbox.pid ?? 0);
  }

  /** Mounts files as a volume would, with the link that the kubelet swaps. */
  mount(directory: string, files: Readonly<Record<string, string>>): void {
    const target = join(this.root, directory);
    const version = `..${String(Date.now())}-${String(Math.random()).slice(2)}`;
    mkdirSync(join(target, version), { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(target, version, name), content, { mode: 0o440 });
      chownSync(join(target, version, name), 0, uid);
    }
    execFileSync("ln", ["-sfnT", version, join(target, "..data.new")]);
    execFileSync("mv", ["-T", join(target, "..data.new"), join(target, "..data")]);
    for (const name of Object.keys(files)) execFileSync("ln", ["-sfn", `..data/${name}`, join(target, name)]);
  }

  /** An empty volume that the pod owns; sized ones are file systems of their own. */
  volume(directory: string, sizeMiB?: number): void {
    const target = join(this.root, directory);
    mkdirSync(target, { recursive: true });
    if (sizeMiB !== undefined) {
      const size = `size=${String(sizeMiB)}m`;
      execFileSync(this.#inside[0] ?? "", [
        ...this.#inside.slice(1, -1),
        ...["mount", "-t", "tmpfs", "-o", size, "tmpfs", target],
      ]);
    }
    this.asRoot(["chown", `${String(uid)}:${String(uid)}`, directory]);
  }

  /**
   * A server of this machine at its own address inside the pod, whose network has no way out. Two relays, one on each
   * side, that meet at a socket of the file system.
   */
  async reach(address: string, port: number): Promise<void> {
    const meeting = join(this.root, "relay.sock");
    const [nsenter = "", ...flags] = this.#inside.slice(0, 3);
    const network = [...flags, "--net"];
    execFileSync(nsenter, [...network, "ip", "address", "add", `${address}/32`, "dev", "lo"]);
    const relay = (from: object, to: object): readonly string[] => [
      "-e",
      `const net = require("node:net"); net.createServer((a) => { const b = net.connect(${JSON.stringify(to)}); a.pipe(b).pipe(a); for (const s of [a, b]) s.on("error", () => { a.destroy(); b.destroy(); }); }).listen(${JSON.stringify(from)}, () => console.log("ready"))`,
    ];
    const outside = relay({ path: meeting }, { host: address, port });
    const inside = relay({ host: address, port }, { path: meeting });
    await this.#relay("outside", spawn(process.execPath, outside));
    await this.#relay("inside", spawn(nsenter, [...network, process.execPath, ...inside]));
  }

  async #relay(name: string, child: ChildProcessWithoutNullStreams): Promise<void> {
    this.#containers.set(`relay ${name}`, child);
    await new Promise((done) => child.stdout.once("data", done));
  }

  /** Runs a command as root in the pod's namespaces and root. */
  asRoot(command: readonly string[]): Result {
    return this.#run([this.root, ...command]);
  }

  /** Runs a command as the pod's user. */
  exec(command: readonly string[], input?: string): Result {
    return this.#run([`--userspec=${String(uid)}:${String(uid)}`, this.root, ...command], input);
  }

  /** SQL as the superuser, through the socket. */
  superuser(sql: string, database = "userdb"): Result {
    return this.exec(
      [`${bin}/psql`, "-XAtq", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database],
      sql,
    );
  }

  /** SQL over TLS with a verified certificate, as another pod would. */
  psql(client: Client, sql: string): Result {
    return this.#run([this.root, ...psqlOf(client)], sql);
  }

  /** The same, as a session that goes on beside the test; ended with the pod. */
  startPsql(client: Client, sql: string): void {
    const session = spawn(this.#inside[0] ?? "", [...this.#inside.slice(1), this.root, ...psqlOf(client)]);
    session.stdin.write(sql);
    this.#containers.set(`session ${String(session.pid)}`, session);
  }

  /** Starts a long-running container; what it says is in `log`. */
  start(name: string, command: readonly string[]): ChildProcess {
    const child = spawn(this.#inside[0] ?? "", [
      ...this.#inside.slice(1),
      `--userspec=${String(uid)}:${String(uid)}`,
      this.root,
      ...command,
    ]);
    const keep = (piece: Buffer): void => {
      this.#log += piece.toString();
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    this.#containers.set(name, child);
    return child;
  }

  startServer(): void {
    this.start("postgres", [
      ...["flock", "--no-fork", "/var/lib/postgresql"],
      ...[`${bin}/postgres`, "-c", "config_file=/etc/platform/postgres/postgresql.conf"],
    ]);
  }
  startKeeper(): void {
    this.start("keeper", ["bash", "/etc/platform/postgres/keeper.sh"]);
  }

  /** Sends a signal to the container's own process and waits for its end. */
  async stop(name: string, signal: "INT" | "TERM" | "KILL"): Promise<void> {
    const child = this.#containers.get(name);
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once("exit", done));
    process.kill(child.pid ?? 0, `SIG${signal}`);
    await ended;
    this.#containers.delete(name);
  }

  runs(name: string): boolean {
    const child = this.#containers.get(name);
    return child?.exitCode === null && child.signalCode === null;
  }

  /** Everything that the containers have said. */
  get log(): string {
    return this.#log;
  }

  /** Waits until `check` says yes. */
  async until(what: string, check: () => boolean, seconds = 60): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (!check()) {
      if (Date.now() > deadline)
        throw new Error(`not within ${String(seconds)} s: ${what}\n${this.#log.slice(-3000)}`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  async destroy(): Promise<void> {
    // The server archives its last piece of the log at its end, so the way to the store goes last.
    const last = (name: string): number => Number(name.startsWith("relay"));
    for (const name of [...this.#containers.keys()].sort((a, b) => last(a) - last(b)))
      await this.stop(name, name === "postgres" ? "INT" : "TERM");
    this.#sandbox.kill("SIGKILL");
    rmSync(this.root, { recursive: true, force: true });
  }

  #run(command: readonly string[], input = ""): Result {
    // As in a container: the home of the pod's user, not of the one who runs the tests.
    const env = { PATH: process.env["PATH"], HOME: "/var/lib/postgresql", LANG: "C.UTF-8" };
    const { status, stdout, stderr } = spawnSync(
      this.#inside[0] ?? "",
      [...this.#inside.slice(1), ...command],
      {
        encoding: "utf8",
        env,
        input,
        maxBuffer: 1 << 26,
        timeout: 120_000,
      },
    );
    return { code: status, stdout: stdout.trimEnd(), stderr: stderr.trimEnd() };
  }
}

const psqlOf = (client: Client): readonly string[] => {
  const tls = `sslmode=verify-full sslrootcert=/etc/platform/postgres-tls/ca.crt ${client.options ?? ""}`;
  const target = `host=postgres hostaddr=${client.host ?? pod.server} user=${client.user} dbname=${client.database ?? "userdb"} ${tls}`;
  return ["env", `PGPASSWORD=${client.password}`, `${bin}/psql`, "-XAtq", "-v", "ON_ERROR_STOP=1", target];
};

/** The layers of the one image in an OCI archive, one over the other. */
const unpack = (archive: string, root: string): void => {
  const scratch = mkdtempSync(join(tmpdir(), "postgres-image-"));
  try {
    execFileSync("tar", ["-C", scratch, "-xf", archive]);
    const blob = (digest: string): string => join(scratch, "blobs", ...digest.split(":"));
    const read = (path: string): { manifests?: { digest: string }[]; layers?: { digest: string }[] } =>
      JSON.parse(readFileSync(path, "utf8")) as {
        manifests?: { digest: string }[];
        layers?: { digest: string }[];
      };
    let manifest = read(join(scratch, "index.json"));
    while (manifest.manifests?.[0] !== undefined) manifest = read(blob(manifest.manifests[0].digest));
    for (const layer of manifest.layers ?? []) execFileSync("tar", ["-C", root, "-xf", blob(layer.digest)]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

/** A CA and a certificate for the Service's name, PEM. */
export const serverTls = (): Readonly<Record<"ca.crt" | "tls.crt" | "tls.key", string>> => {
  const scratch = mkdtempSync(join(tmpdir(), "postgres-tls-"));
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", [...args], { cwd: scratch, stdio: "ignore" });
  };
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  try {
    openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=ca", "-days", "2");
    openssl(
      ...[
        "req",
        "-x509",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        ...key,
        "-keyout",
        "tls.key",
        "-out",
        "tls.crt",
      ],
      ...[
        "-subj",
        "/CN=postgres",
        "-addext",
        "subjectAltName=DNS:postgres",
        "-addext",
        "basicConstraints=critical,CA:FALSE",
      ],
      ...["-days", "2"],
    );
    const file = (name: string): string => readFileSync(join(scratch, name), "utf8");
    return { "ca.crt": file("ca.crt"), "tls.crt": file("tls.crt"), "tls.key": file("tls.key") };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};
