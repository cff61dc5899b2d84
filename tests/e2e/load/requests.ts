import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Agent, request as httpsRequest } from "node:https";
import { join } from "node:path";

import { platformDirectory } from "../setup.ts";
import { host, platform, platformHost, sql } from "../support.ts";

/** What users of the API saw. */
export interface Requests {
  /** Answers 201. */
  readonly ok: number;
  /** Every other answer, by what it said, to how often. */
  readonly failures: Readonly<Record<string, number>>;
  /** Of the slowest answer 201. */
  readonly longestMs: number;
  /** Rows in the table, and how many different ones. */
  readonly rows: number;
  readonly distinctRows: number;
}

/** Sends one request. @returns "" for 201, otherwise what went wrong */
type Post = (body: string) => Promise<string>;

const postVisit = async (): Promise<{ readonly post: Post; readonly agent: Agent }> => {
  const outputs = await platform().outputs();
  const authority = join(platformDirectory, "ca.crt");
  writeFileSync(authority, String(outputs["caCertificate"]));
  const url = new URL("/visits", String(outputs["apiUrl"]));
  const agent = new Agent({ keepAlive: true, ca: readFileSync(authority) });
  const options = {
    host: await host("ip", platformHost),
    servername: url.hostname,
    path: url.pathname,
    method: "POST",
    headers: { host: url.hostname, "content-type": "application/json" },
    agent,
    timeout: 30_000,
  };
  const post: Post = (body) =>
    new Promise((done) => {
      const outgoing = httpsRequest(options, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (part: string) => (text += part));
        answer.on("end", () => {
          done(answer.statusCode === 201 ? "" : `${String(answer.statusCode)} ${text.slice(0, 200)}`);
        });
      });
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in 30 s")));
      outgoing.on("error", (error) => {
        done(error.message);
      });
      outgoing.end(body);
    });
  return { post, agent };
};

/** Writes through the edge, as users of the API do. Nothing is tried again. */
export class RequestLoad {
  private readonly run = randomUUID();
  private readonly failures: Record<string, number> = {};
  private ok = 0;
  private longestMs = 0;
  private running = true;
  private ended: Promise<unknown> = Promise.resolve();

  /** Starts `clients` at once. */
  static async start(clients: number): Promise<RequestLoad> {
    const load = new RequestLoad();
    const { post, agent } = await postVisit();
    const all = Array.from({ length: clients }, (_, client) => load.work(client, post));
    load.ended = Promise.all(all).finally(() => {
      agent.destroy();
    });
    return load;
  }

  private async work(client: number, post: Post): Promise<void> {
    for (let n = 0; this.running; n += 1) {
      const started = performance.now();
      const failure = await post(JSON.stringify({ tenant: "load", note: [this.run, client, n].join("-") }));
      if (failure === "") {
        this.ok += 1;
        this.longestMs = Math.max(this.longestMs, Math.round(performance.now() - started));
      } else {
        this.failures[failure] = (this.failures[failure] ?? 0) + 1;
      }
    }
  }

  /** Answers 201 so far. */
  get served(): number {
    return this.ok;
  }

  /** Ends the load and counts its rows. */
  async stop(): Promise<Requests> {
    this.running = false;
    await this.ended;
    const counts = await sql(
      `SELECT count(*), count(DISTINCT note) FROM visits WHERE note LIKE '${this.run}-%'`,
    );
    const [rows, distinctRows] = counts.split("|").map(Number);
    const { ok, failures, longestMs } = this;
    return { ok, failures, longestMs, rows: rows ?? 0, distinctRows: distinctRows ?? 0 };
  }
}
