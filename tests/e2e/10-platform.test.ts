import { randomUUID } from "node:crypto";
import { beforeAll, describe, expect, it } from "vitest";

import {
  inPod,
  killPods,
  kubectl,
  namespace,
  platform,
  request,
  sql,
  until,
  untilHealthy,
} from "./support.ts";

interface Visit {
  readonly id: number;
  readonly tenant: string;
  readonly note: string;
}

const write = async (note: string): Promise<Visit> => {
  const answer = await request("/visits", "--json", JSON.stringify({ tenant: "clinic-a", note }));
  expect(answer.status).toBe(201);
  return JSON.parse(answer.body) as Visit;
};

const newest = async (): Promise<Visit | undefined> =>
  (JSON.parse((await request("/visits?limit=1")).body) as { visits: Visit[] }).visits[0];

beforeAll(async () => {
  await untilHealthy(120);
});

describe("a request from outside", () => {
  it("reaches the API through the ingress with the platform's CA, and the database behind it", async () => {
    const answer = await request("/health/api");
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ status: "ok", details: { database: { status: "up" } } });
  });

  it("finds the row that it wrote, in the API and in the table", async () => {
    const note = randomUUID();
    const visit = await write(note);
    expect(await newest()).toMatchObject({ id: visit.id, tenant: "clinic-a", note });
    expect(await sql(`SELECT note FROM visits WHERE id = ${String(visit.id)}`)).toBe(note);
  });

  it("is sent from HTTP to HTTPS", async () => {
    const { code, stdout } = await plainHttp("/health/api");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^30[18] https:\/\/api\.local\.test\/health\/api$/);
  });

  it("is refused with TLS 1.1 and without the CA", async () => {
    await expect(request("/health/api", "--tls-max", "1.1")).rejects.toThrow(/curl/);
    await expect(request("/health/api", "--cacert", "/etc/ssl/certs/ca-certificates.crt")).rejects.toThrow(
      /certificate/i,
    );
  });
});

const plainHttp = async (path: string) => {
  const { execute, host, platformHost } = await import("./support.ts");
  const address = await host("ip", platformHost);
  return execute("curl", [
    "--silent",
    "--max-time",
    "20",
    "--output",
    "/dev/null",
    "--resolve",
    `api.local.test:80:${address}`,
    "--write-out",
    "%{http_code} %{redirect_url}",
    `http://api.local.test${path}`,
  ]);
};

describe("the database", () => {
  /** From the pod to its own address: the database may not look up names, and its access rules see a pod's address. */
  const psqlAs = async (user: string, sslmode: string): Promise<string> => {
    const address = await kubectl(
      "-n",
      namespace.data,
      "get",
      "pod",
      "postgres-0",
      "-o",
      "jsonpath={.status.podIP}",
    );
    const url = `postgresql://${user}@${address}:5432/userdb?sslmode=${sslmode}`;
    return inPod(namespace.data, "postgres-0", "postgres", "psql", url, "-At", "-c", "SELECT 1");
  };

  it("refuses plaintext, from the network and with a correct name", async () => {
    await expect(psqlAs("app_a", "disable")).rejects.toThrow(/no encryption|pg_hba/);
  });

  it("refuses the superuser from the network", async () => {
    await expect(psqlAs("postgres", "require")).rejects.toThrow(/pg_hba|rejects/);
  });

  it("refuses a wrong password", async () => {
    await expect(psqlAs("app_a:not-the-password", "require")).rejects.toThrow(
      /password authentication failed/,
    );
  });

  it("has checksums, no error in its access rules, and no role that is a superuser beside postgres", async () => {
    expect(await sql("SHOW data_checksums")).toBe("on");
    expect(await sql("SELECT count(*) FROM pg_hba_file_rules WHERE error IS NOT NULL")).toBe("0");
    expect(await sql("SELECT string_agg(rolname, ',') FROM pg_roles WHERE rolsuper")).toBe("postgres");
    expect(
      await sql(
        "SELECT string_agg(DISTINCT auth_method, ',' ORDER BY auth_method) FROM pg_hba_file_rules WHERE type = 'hostssl'",
      ),
    ).toBe("reject,scram-sha-256");
  });

  it("lets the application change rows but not tables", async () => {
    expect(
      await sql(
        "SELECT has_table_privilege('app_a', 'visits', 'INSERT'), has_table_privilege('app_a', 'visits', 'TRUNCATE')",
      ),
    ).toBe("t|f");
    expect(await sql("SELECT has_schema_privilege('app_a', 'public', 'CREATE')")).toBe("f");
  });
});

describe("network policy", () => {
  /** Opens a TCP connection from the API's pod; prints `open` or the error's code. */
  const connect = async (pod: string, target: string, port: number): Promise<string> => {
    const script = `const s=require("net").connect({host:process.argv[1],port:+process.argv[2],timeout:5000});s.on("connect",()=>{console.log("open");process.exit()});s.on("timeout",()=>{console.log("timeout");process.exit()});s.on("error",e=>{console.log(e.code);process.exit()})`;
    return inPod(namespace.app, pod, "api", "node", "-e", script, target, String(port));
  };

  const apiPod = async (): Promise<string> =>
    (
      await kubectl(
        "-n",
        namespace.app,
        "get",
        "pods",
        "-l",
        "app.kubernetes.io/name=api",
        "-o",
        "jsonpath={.items[0].metadata.name}",
      )
    ).trim();

  it("passes the declared flow from the API to the pooler, and none past it to the database", async () => {
    expect(await connect(await apiPod(), "pgbouncer.hc-local-data.svc", 6432)).toBe("open");
    expect(["timeout", "ECONNREFUSED"]).toContain(
      await connect(await apiPod(), "postgres.hc-local-data.svc", 5432),
    );
  });

  it("stops what nobody declared: the API to the edge's metrics and to the Kubernetes API", async () => {
    const edge = await kubectl(
      "-n",
      namespace.ingress,
      "get",
      "pods",
      "-o",
      "jsonpath={.items[0].status.podIP}",
    );
    expect(["timeout", "ECONNREFUSED"]).toContain(await connect(await apiPod(), edge.trim(), 9100));
    const service = await kubectl("get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}");
    expect(["timeout", "ECONNREFUSED"]).toContain(await connect(await apiPod(), service.trim(), 443));
  });

  it("stops the database from calling out", async () => {
    const api = await kubectl(
      "-n",
      namespace.app,
      "get",
      "service",
      "api",
      "-o",
      "jsonpath={.spec.clusterIP}",
    );
    const attempt = (port: number): string =>
      `timeout 5 bash -c 'exec 3<>/dev/tcp/$1/${String(port)}' - "$0" && echo open || echo closed`;
    const from = (target: string, port: number): Promise<string> =>
      inPod(namespace.data, "postgres-0", "postgres", "bash", "-c", attempt(port), target);
    expect(await from("127.0.0.1", 5432)).toBe("open"); // the attempt itself works
    expect(await from(api, 8443)).toBe("closed");
  });
});

describe("pods", () => {
  it("come back with the data when the database and the API are killed", async () => {
    const visit = await write(randomUUID());
    await Promise.all([
      killPods(namespace.data, "postgres-0"),
      killPods(namespace.app, "-l", "app.kubernetes.io/name=api"),
    ]);
    await until("the API to answer again", 180, async () => {
      const answer = await request("/health/api");
      return answer.status === 200 ? answer : undefined;
    });
    expect(await newest()).toMatchObject({ id: visit.id, note: visit.note });
  });

  it("run without privileges: every container outside kube-system and the edge satisfies `restricted`", async () => {
    const labels = await kubectl(
      "get",
      "namespaces",
      "-o",
      'jsonpath={range .items[*]}{.metadata.name}={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}{"\\n"}{end}',
    );
    const ours = labels.split("\n").filter((line) => line.startsWith("hc-local-"));
    expect(ours.sort()).toEqual([
      "hc-local-app=restricted",
      "hc-local-cache=restricted",
      "hc-local-data=restricted",
      "hc-local-drill=restricted",
      "hc-local-ingress=privileged",
      "hc-local-monitoring=restricted",
      "hc-local-node=privileged",
    ]);
  });
});

describe("the stack", () => {
  it("has nothing to do on a second up", async () => {
    const result = await platform().pulumi(["preview", "--expect-no-changes", "--diff"]);
    expect(`${result.stdout}${result.stderr}`).not.toMatch(/error:/);
    expect(result.code).toBe(0);
  });

  it("keeps no secret in clear in its state or outputs", async () => {
    const stack = platform();
    const shown = await stack.pulumi(["config", "--show-secrets", "--json"]);
    const secrets = Object.entries(
      JSON.parse(shown.stdout) as Record<string, { value: string; secret: boolean }>,
    ).filter(([, e]) => e.secret);
    expect(secrets.length).toBeGreaterThanOrEqual(9);
    const exported = await stack.engine(["stack", "export"]);
    expect(exported.stdout).toContain("platform:data:Postgres");
    const outputs = await stack.engine(["stack", "output", "--json"]);
    const text = exported.stdout + outputs.stdout;
    const piece = (value: string): string => value.replaceAll("\n", "").slice(-60, -36) || value;
    expect(
      secrets
        .filter(
          ([, e]) =>
            text.includes(piece(e.value)) ||
            text.includes(Buffer.from(e.value).toString("base64").slice(0, 20)),
        )
        .map(([key]) => key),
    ).toEqual([]);
    expect(text).not.toMatch(/BEGIN (EC |OPENSSH |RSA )?PRIVATE KEY/);
    expect(text).not.toContain("client-key-data");
  });
});
