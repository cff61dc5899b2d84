import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  prepareStateBucket,
  stateBucketProblem,
  stateUrl,
  storeCredentials,
} from "../../../scripts/lib/state-bucket.ts";
import type { StateBucket } from "../../../scripts/lib/state-bucket.ts";
import { fakeStore, storeSecret } from "./fake-store.ts";
import type { FakeStore } from "./fake-store.ts";

const key = { accessKeyId: "FAKE-KEY-ID", secretAccessKey: storeSecret, sessionToken: undefined };

let store: FakeStore;
let target: StateBucket;

beforeAll(async () => {
  store = await fakeStore("team-state", key.accessKeyId);
  target = { bucket: "team-state", endpoint: store.endpoint, region: "default" };
});
afterAll(() => {
  store.close();
});
beforeEach(() => {
  store.reset();
});

const yes = (): Promise<boolean> => Promise.resolve(true);
const prepare = (consent = yes, at: StateBucket = target): Promise<boolean> =>
  prepareStateBucket(at, key, consent);

describe("prepareStateBucket", () => {
  it("switches versioning on and looks whether it is", async () => {
    expect(await prepare()).toBe(true);
    expect(store.behaviour.status).toBe("Enabled");
    expect(store.requests()).toEqual([
      "GET /team-state?versioning signed",
      "GET /team-state?list-type=2&max-keys=1 anonymous",
      "PUT /team-state?versioning signed",
      "GET /team-state?versioning signed",
    ]);
  });

  it("changes nothing where it is on, and asks nobody", async () => {
    store.behaviour.status = "Enabled";
    expect(await prepare(() => Promise.reject(new Error("asked")))).toBe(false);
    expect(store.requests().filter((request) => request.startsWith("PUT"))).toEqual([]);
  });

  it("switches it on again where it was suspended", async () => {
    store.behaviour.status = "Suspended";
    expect(await prepare()).toBe(true);
  });

  it("refuses without consent, and leaves the bucket alone", async () => {
    await expect(prepare(() => Promise.resolve(false))).rejects.toThrow(
      "versioning is off; a state without versions is lost with one bad write",
    );
    expect(store.requests().filter((request) => request.startsWith("PUT"))).toEqual([]);
  });

  it.each([
    ["denied", "versioning is off, and the store answers 403 AccessDenied to switching it on; let somebody"],
    ["ignored", "versioning is off, and stays so although the store accepted the change; let somebody"],
  ] as const)("refuses when it cannot be switched on: %s", async (change, text) => {
    store.behaviour.change = change;
    await expect(prepare()).rejects.toThrow(text);
  });

  it("refuses a bucket that everybody can list", async () => {
    store.behaviour.isOpen = true;
    await expect(prepare()).rejects.toThrow(
      `--state-bucket: ${target.endpoint}/team-state: everybody can list it; make it private`,
    );
    expect(store.behaviour.status).toBeUndefined();
  });

  it("names a bucket that is not there", async () => {
    await expect(prepare(yes, { ...target, bucket: "other" })).rejects.toThrow(
      `${target.endpoint}/other: the store answers 404 NoSuchBucket; make the bucket first`,
    );
  });

  it("names a key that does not open, and repeats nothing that the store says about it", async () => {
    store.behaviour.keyWorks = false;
    const error = await prepare().catch((caught: unknown) => caught);
    expect(String(error)).toContain("the store answers 403 InvalidAccessKeyId; look at the access key");
    expect(String(error)).not.toContain(key.secretAccessKey);
  });

  it("names a store that does not answer", async () => {
    await expect(prepare(yes, { ...target, endpoint: "http://127.0.0.1:3" })).rejects.toThrow(
      /^--state-bucket: http:\/\/127\.0\.0\.1:3\/team-state: no answer: .*ECONNREFUSED.*; look at --state-endpoint/,
    );
  });
});

describe("stateUrl", () => {
  it("is what pulumi login understands", () => {
    expect(
      stateUrl({ bucket: "team-state", endpoint: "https://eu2.contabostorage.com", region: "default" }),
    ).toBe(
      "s3://team-state?endpoint=https%3A%2F%2Feu2.contabostorage.com&region=default&use_path_style=true&request_checksum_calculation=when_required&response_checksum_validation=when_required",
    );
  });
});

describe("the flags", () => {
  const good = { bucket: "team-state", endpoint: "https://s3.example.com", region: "default" };
  it.each([
    [{}, undefined],
    [{ bucket: "T" }, /^--state-bucket: "T" must be an S3 bucket name/],
    [{ bucket: "a'; rm -rf" }, /^--state-bucket: /],
    [{ endpoint: "http://s3.example.com" }, /^--state-endpoint: ".*" must be https:\/\/host/],
    [{ endpoint: "https://s3.example.com/x" }, /^--state-endpoint: /],
    [{ endpoint: "https://key:secret@s3.example.com" }, /^--state-endpoint: /],
    [{ region: "eu west" }, /^--state-region: "eu west" must be a region/],
  ] as const)("%j", (changes, problem) => {
    const found = stateBucketProblem({ ...good, ...changes });
    if (problem === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(problem);
  });
});

describe("storeCredentials", () => {
  it("come from the environment, and what is missing is named", () => {
    const env = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
    expect(storeCredentials(env)).toEqual({
      accessKeyId: "id",
      secretAccessKey: "secret",
      sessionToken: undefined,
    });
    expect(() => storeCredentials({ AWS_ACCESS_KEY_ID: "id" })).toThrow(
      /^AWS_SECRET_ACCESS_KEY: not set; export/,
    );
    expect(() => storeCredentials({})).toThrow(/^AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY: not set/);
  });
});
