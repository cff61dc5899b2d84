/** The bucket that holds Pulumi's state: asks an S3 store about it and switches versioning on. Stores no credentials. */

import { createHash } from "node:crypto";
import { AwsClient } from "aws4fetch";
import { isBucket, isHttpsOrigin } from "../../stacks/config/syntax.ts";
import { UserError } from "./user-error.ts";

export interface StateBucket {
  readonly bucket: string;
  /** `https://host` or `https://host:port`. */
  readonly endpoint: string;
  /** As the store wants to hear it, e.g. `default`. */
  readonly region: string;
}

export interface StoreCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | undefined;
}

const answerSeconds = 20;

/** What is wrong with a bucket as the flags name it, or undefined. A store on this machine may speak plain HTTP. */
export const stateBucketProblem = ({ bucket, endpoint, region }: StateBucket): string | undefined => {
  if (!isBucket(bucket))
    return `--state-bucket: "${bucket}" must be an S3 bucket name: 3 to 63 lower-case letters, digits, dashes, dots`;
  if (!isHttpsOrigin(endpoint) && !/^http:\/\/(127\.0\.0\.1|localhost):\d{1,5}$/.test(endpoint))
    return `--state-endpoint: "${endpoint}" must be https://host or https://host:port without a path`;
  return /^[a-z0-9-]{1,40}$/.test(region)
    ? undefined
    : `--state-region: "${region}" must be a region such as default or eu-central-1`;
};

/**
 * The backend URL for `pulumi login`. Paths instead of host names, and checksums only where S3 demands them: stores
 * other than Amazon's refuse what newer clients send by default.
 */
export const stateUrl = ({ bucket, endpoint, region }: StateBucket): string => {
  const query = new URLSearchParams({
    endpoint,
    region,
    use_path_style: "true",
    request_checksum_calculation: "when_required",
    response_checksum_validation: "when_required",
  });
  return `s3://${bucket}?${query.toString()}`;
};

/** Pulumi takes the same two from the environment. @throws UserError that names what is missing */
export const storeCredentials = (env: Readonly<Record<string, string | undefined>>): StoreCredentials => {
  const { AWS_ACCESS_KEY_ID: id = "", AWS_SECRET_ACCESS_KEY: secret = "", AWS_SESSION_TOKEN: token } = env;
  const missing = [
    ...(id === "" ? ["AWS_ACCESS_KEY_ID"] : []),
    ...(secret === "" ? ["AWS_SECRET_ACCESS_KEY"] : []),
  ];
  if (missing.length > 0) {
    throw new UserError(
      `${missing.join(", ")}: not set; export the access key of the state bucket. It is not stored: whoever runs pulumi on this backend needs it in the environment`,
    );
  }
  return { accessKeyId: id, secretAccessKey: secret, sessionToken: token };
};

const no = (target: StateBucket, what: string, remedy: string): UserError =>
  new UserError(`--state-bucket: ${target.endpoint}/${target.bucket}: ${what}; ${remedy}`);

const send = async (
  target: StateBucket,
  request: () => Promise<Response>,
): Promise<{ readonly status: number; readonly text: string }> => {
  try {
    const response = await request();
    return { status: response.status, text: await response.text() };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    throw no(
      target,
      `no answer: ${cause instanceof Error ? cause.message : String(cause)}`,
      "look at --state-endpoint and at your connection",
    );
  }
};

const element = (name: string, xml: string): string | undefined =>
  new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];

/** The store's own code, never its message: some repeat what was sent. */
const refusal = (status: number, text: string): string =>
  `the store answers ${String(status)}${element("Code", text) === undefined ? "" : ` ${element("Code", text) ?? ""}`}`;

const remedyFor = (status: number): string => {
  if (status === 404) return "make the bucket first, private, with the provider's panel";
  if (status === 301 || status === 400) return "look at --state-region";
  return "look at the access key and its rights to this bucket";
};

type Answer = Awaited<ReturnType<typeof send>>;

/** Talks to one bucket. */
interface Store {
  readonly read: () => Promise<Answer>;
  readonly enable: () => Promise<Answer>;
  readonly anonymous: () => Promise<Answer>;
}

const enabled =
  '<VersioningConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Status>Enabled</Status></VersioningConfiguration>';

const openStore = (target: StateBucket, credentials: StoreCredentials): Store => {
  const { sessionToken, ...keys } = credentials;
  const client = new AwsClient({
    ...keys,
    ...(sessionToken === undefined ? {} : { sessionToken }),
    service: "s3",
    region: target.region,
    retries: 2,
  });
  const bucket = `${target.endpoint}/${target.bucket}`;
  const limit = (): { signal: AbortSignal; redirect: "manual" } => ({
    signal: AbortSignal.timeout(answerSeconds * 1000),
    redirect: "manual",
  });
  const md5 = createHash("md5").update(enabled).digest("base64");
  const put = { method: "PUT", body: enabled, headers: { "content-md5": md5 } };
  return {
    read: () => send(target, () => client.fetch(`${bucket}?versioning`, limit())),
    enable: () => send(target, () => client.fetch(`${bucket}?versioning`, { ...put, ...limit() })),
    anonymous: () => send(target, () => fetch(`${bucket}?list-type=2&max-keys=1`, limit())),
  };
};

const versioning = async (target: StateBucket, store: Store): Promise<string | undefined> => {
  const { status, text } = await store.read();
  if (status !== 200 || !text.includes("<VersioningConfiguration"))
    throw no(target, refusal(status, text), remedyFor(status));
  return element("Status", text);
};

/**
 * Checks that the bucket is there, closed to strangers and versioned; switches versioning on when it is off.
 * @param consent asked before anything is changed
 * @returns whether versioning was switched on now
 * @throws UserError when one of these cannot be had: state without versions is lost with one bad write
 */
export const prepareStateBucket = async (
  target: StateBucket,
  credentials: StoreCredentials,
  consent: () => Promise<boolean>,
): Promise<boolean> => {
  const store = openStore(target, credentials);
  const before = await versioning(target, store);
  if ((await store.anonymous()).status === 200)
    throw no(target, "everybody can list it", "make it private before any state goes in");
  if (before === "Enabled") return false;
  const off = `versioning is ${before === undefined ? "off" : before.toLowerCase()}`;
  if (!(await consent())) throw no(target, off, "a state without versions is lost with one bad write");
  const { status, text } = await store.enable();
  const remedy =
    "let somebody with more rights switch it on, or take a store that has versions; nothing else was changed";
  if (status !== 200) throw no(target, `${off}, and ${refusal(status, text)} to switching it on`, remedy);
  if ((await versioning(target, store)) !== "Enabled")
    throw no(target, `${off}, and stays so although the store accepted the change`, remedy);
  return true;
};
