/** An S3 store with one bucket. It knows a signed request by its key's name, and can lie in every way that matters. */

import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface StoreBehaviour {
  status: string | undefined;
  /** Answer to the change of versioning: done, done by name only, or a refusal. */
  change: "done" | "ignored" | "denied";
  isOpen: boolean;
  keyWorks: boolean;
}

export interface FakeStore {
  readonly endpoint: string;
  readonly behaviour: StoreBehaviour;
  readonly requests: () => readonly string[];
  readonly reset: () => void;
  readonly close: () => void;
}

/** Comes back in every error, as some stores repeat what was sent. */
export const storeSecret = "fake-secret-key-0123456789";

const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const fresh = (): StoreBehaviour => ({ status: undefined, change: "done", isOpen: false, keyWorks: true });

const fail = (answer: ServerResponse, status: number, code: string): void => {
  answer.writeHead(status).end(`<Error><Code>${code}</Code><Message>${storeSecret}</Message></Error>`);
};

const changeVersioning = (behaviour: StoreBehaviour, answer: ServerResponse, body: string): void => {
  if (behaviour.change === "denied") {
    fail(answer, 403, "AccessDenied");
    return;
  }
  if (behaviour.change === "done") behaviour.status = /<Status>(\w+)<\/Status>/.exec(body)?.[1];
  answer.writeHead(200).end();
};

const answerSigned = (
  behaviour: StoreBehaviour,
  request: IncomingMessage,
  answer: ServerResponse,
  body: string,
): void => {
  if (!behaviour.keyWorks) fail(answer, 403, "InvalidAccessKeyId");
  else if (request.method === "PUT" && request.headers["content-md5"] === undefined)
    fail(answer, 400, "MissingContentMD5");
  else if (request.method === "PUT") changeVersioning(behaviour, answer, body);
  else {
    const status = behaviour.status === undefined ? "" : `<Status>${behaviour.status}</Status>`;
    answer.writeHead(200).end(`<VersioningConfiguration ${namespace}>${status}</VersioningConfiguration>`);
  }
};

export const fakeStore = async (bucket: string, accessKeyId: string): Promise<FakeStore> => {
  const behaviour = fresh();
  const requests: string[] = [];
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const signed = headers.authorization?.includes(`Credential=${accessKeyId}/`) === true;
      requests.push(`${method} ${url} ${signed ? "signed" : "anonymous"}`);
      if (!url.startsWith(`/${bucket}?`)) fail(answer, 404, "NoSuchBucket");
      else if (signed) answerSigned(behaviour, request, answer, Buffer.concat(chunks).toString("utf8"));
      else if (behaviour.isOpen) answer.writeHead(200).end("<ListBucketResult/>");
      else fail(answer, 403, "AccessDenied");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    behaviour,
    requests: () => requests,
    reset: () => {
      Object.assign(behaviour, fresh());
      requests.length = 0;
    },
    close: () => {
      server.close();
    },
  };
};
