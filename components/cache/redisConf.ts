import type { RedisLayout } from "./layout.ts";

export interface RedisConfArgs {
  readonly layout: RedisLayout;
  /** MiB of data; at the limit writes are refused, nothing is evicted. */
  readonly maxMemoryMiB: number;
}

/** `redis.conf`, in words that Redis 8 and Valkey 9 both know. Pure; one setting per line. */
export const renderRedisConf = (args: RedisConfArgs): string =>
  [...network(args.layout), ...durability(args.layout), ...memory(args), ...privacy, ""].join("\n");

const network = (layout: RedisLayout): readonly string[] => [
  // No plaintext at all.
  "port 0",
  `tls-port ${String(layout.port)}`,
  "bind *",
  `tls-cert-file ${layout.tlsDirectory}/tls.crt`,
  `tls-key-file ${layout.tlsDirectory}/tls.key`,
  `tls-ca-cert-file ${layout.tlsDirectory}/ca.crt`,
  "tls-auth-clients no",
  'tls-protocols "TLSv1.2 TLSv1.3"',
  // AES-GCM only: the NIST-approved ciphers that the breach safe harbour asks for.
  "tls-ciphers ECDHE+AESGCM",
  "tls-ciphersuites TLS_AES_256_GCM_SHA384:TLS_AES_128_GCM_SHA256",
  "protected-mode yes",
  `aclfile ${layout.aclDirectory}/users.acl`,
  "maxclients 1000",
  "timeout 0",
  "tcp-keepalive 60",
];

const durability = (layout: RedisLayout): readonly string[] => [
  "daemonize no",
  `dir ${layout.dataDirectory}`,
  "appendonly yes",
  // A crash of the machine loses at most a second; a crash of the server loses nothing.
  "appendfsync everysec",
  // A power cut may tear the last record: drop it, do not refuse to start.
  "aof-load-truncated yes",
  "auto-aof-rewrite-percentage 100",
  "auto-aof-rewrite-min-size 64mb",
  // The append-only file is enough; a second copy would only fork and write.
  'save ""',
];

const memory = ({ maxMemoryMiB }: RedisConfArgs): readonly string[] => [
  `maxmemory ${String(maxMemoryMiB)}mb`,
  // An evicted key of a queue is a lost or a stuck job.
  "maxmemory-policy noeviction",
];

/** Payloads of jobs may be patient data: they stay out of the log, the slow log and crash reports. */
const privacy: readonly string[] = [
  "loglevel notice",
  'logfile ""',
  "always-show-logo no",
  "hide-user-data-from-log yes",
  "crash-log-enabled no",
  "crash-memcheck-enabled no",
  "slowlog-log-slower-than -1",
  "enable-debug-command no",
  "enable-module-command no",
  "enable-protected-configs no",
];
