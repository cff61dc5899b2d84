import { beforeAll, describe, expect, it } from "vitest";

import { inPod, kubectl, namespace, servingPod, untilHealthy } from "./support.ts";

beforeAll(async () => {
  await untilHealthy(120);
});

describe("the pooler refuses", () => {
  const passwordOf = async (secret: string, key: string): Promise<string> => {
    const encoded = await kubectl(
      "-n",
      namespace.data,
      "get",
      "secret",
      secret,
      "-o",
      `jsonpath={.data.${key}}`,
    );
    return Buffer.from(encoded, "base64").toString();
  };
  /** From the pod to its own address: the pooler may not call itself by its Service, and sees a pod's address. */
  const login = async (user: string, password: string, database = "userdb", sslmode = "require") => {
    const pod = await servingPod(namespace.data, "pgbouncer");
    const address = await kubectl("-n", namespace.data, "get", "pod", pod, "-o", "jsonpath={.status.podIP}");
    const url = `postgresql://${user}:${password}@${address}:6432/${database}?sslmode=${sslmode}`;
    return await inPod(
      namespace.data,
      pod,
      "pgbouncer",
      "psql",
      "-X",
      "-At",
      url,
      "-c",
      "SELECT current_user",
    );
  };
  const password = (role: string): Promise<string> => passwordOf("postgres-passwords", role);

  it("nobody who is right", async () => {
    expect(await login("app_a", await password("app_a"))).toBe("app_a");
    expect(await login("app_b", await password("app_b"))).toBe("app_b");
  });

  it("plaintext", async () => {
    await expect(login("app_a", await password("app_a"), "userdb", "disable")).rejects.toThrow(
      /SSL required/,
    );
  });

  it("a wrong password", async () => {
    await expect(login("app_a", "not-the-password")).rejects.toThrow(/SASL authentication failed/);
  });

  it.each(["migration", "monitor", "maintenance"])("the role %s, which has a login", async (role) => {
    await expect(login(role, await password(role))).rejects.toThrow(/no such user/);
  });

  it.each(["postgres", "nobody_at_all"])("the user %s", async (user) => {
    await expect(login(user, "x")).rejects.toThrow(/no such user/);
  });

  it("other databases", async () => {
    await expect(login("app_a", await password("app_a"), "postgres")).rejects.toThrow(/SASL|no such/);
  });

  it("the console to everybody from the network, also with a password that is right", async () => {
    await expect(login("app_a", await password("app_a"), "pgbouncer")).rejects.toThrow(/not allowed/);
    const userlist = await passwordOf("pgbouncer-config", "userlist\\.txt");
    const stats = /^"pgbouncer_stats" "(.*)"$/m.exec(userlist)?.[1] ?? "";
    await expect(login("pgbouncer_stats", stats, "pgbouncer")).rejects.toThrow(
      /admin access needed|invalid command/,
    );
    await expect(login("pgbouncer", "x", "pgbouncer")).rejects.toThrow(/FATAL/);
  });

  /** Asks for TLS as a client of PostgreSQL does; prints protocol and cipher, or the error. */
  const handshake = async (version: string, ciphers: string): Promise<string> => {
    const script = `
      const [host, version, ciphers] = process.argv.slice(1);
      const socket = require("net").connect(6432, host);
      const end = (text) => { console.log(text); process.exit(); };
      socket.on("error", (error) => end(error.code));
      socket.once("connect", () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
      socket.once("data", (answer) => {
        if (answer.toString() !== "S") end("no TLS: " + answer);
        const tls = require("tls").connect({ socket, servername: host, minVersion: version, maxVersion: version, ciphers,
          ca: require("fs").readFileSync("/etc/platform/ca/ca.crt") });
        tls.on("error", (error) => end(error.code));
        tls.on("secureConnect", () => end(tls.getProtocol() + " " + tls.getCipher().name));
      });`;
    const pod = await servingPod(namespace.app, "api");
    const target = `pgbouncer.${namespace.data}.svc`;
    return await inPod(namespace.app, pod, "api", "node", "-e", script, target, version, ciphers);
  };

  it.each([
    ["TLSv1.1", "DEFAULT@SECLEVEL=0", /^ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION$/],
    ["TLSv1.2", "ECDHE+CHACHA20:ECDHE+SHA", /^ERR_SSL_(SSL\/TLS|SSLV3)_ALERT_HANDSHAKE_FAILURE$/],
    ["TLSv1.2", "DEFAULT", /^TLSv1\.2 ECDHE-ECDSA-AES(128|256)-GCM-SHA(256|384)$/],
    ["TLSv1.3", "DEFAULT", /^TLSv1\.3 TLS_AES_(128|256)_GCM_SHA(256|384)$/],
  ])("old protocols and other ciphers: %s with %s", async (version, ciphers, expected) => {
    expect(await handshake(version, ciphers)).toMatch(expected);
  });
});
