import { redisCli, renderKeeperScript } from "./keeperScript.ts";
import type { RedisLayout } from "./layout.ts";

/** What the keeper may do at a Redis. */
export const keeperCommands = ["+ping", "+acl|load", "+config|set"] as const;

export const probeUser = "probe";

/**
 * `probe.sh ready|alive`. Alive is a server that answers anything: one that loads its file, has a full disk or runs a
 * long script is not helped by a restart. Ready is one that serves.
 */
export const renderProbeScript = (layout: RedisLayout): string => `#!/bin/sh
set -eu
REDISCLI_AUTH=$(cat ${layout.passwordDirectory}/${probeUser})
export REDISCLI_AUTH
answer=$(${redisCli(layout, probeUser)} ping)
case $1 in
  alive) [ -n "$answer" ] ;;
  ready) [ "$answer" = PONG ] ;;
  *) exit 64 ;;
esac
`;

/** Clients stay connected through both: new users and a new certificate are for those who come. */
export const renderRedisKeeper = (layout: RedisLayout): string =>
  renderKeeperScript({
    ...layout,
    name: "redis-keeper",
    reloadCertificate: [
      "config set",
      `tls-cert-file ${layout.tlsDirectory}/tls.crt`,
      `tls-key-file ${layout.tlsDirectory}/tls.key`,
      `tls-ca-cert-file ${layout.tlsDirectory}/ca.crt`,
    ].join(" "),
  });
