// Options of the Redis clients of cache and queue: TLS with the certificate and its name verified, a user, and
// reconnection for ever with short pauses.

const RECONNECT_MS = 2000;

/**
 * @param {{ host: string, port: number, username: string, password: string, ca: string }} access of settings.js
 * @param {object} rest what differs between the uses
 */
export function redisOptions(access, rest) {
  return {
    host: access.host,
    port: access.port,
    username: access.username,
    password: access.password,
    tls: { ca: access.ca, servername: access.host, minVersion: "TLSv1.2" },
    connectTimeout: 5000,
    keepAlive: 10_000,
    // Also after a refused login: the server may learn the password later than we did.
    retryStrategy: (times) => Math.min(times * 100, RECONNECT_MS),
    ...rest,
  };
}
