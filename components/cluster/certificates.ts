import { shellPart } from "../remote/index.ts";
import type { RemoteFile } from "../remote/index.ts";

/** Name of the unit and the script that renew certificates. */
export const renewalName = (prefix: string): string => `${prefix}-k3s-certificates`;

/**
 * k3s renews its leaf certificates only when it starts within 120 days of their expiry, and they live for 365: a host that
 * nobody touches for a year would stop. A monthly timer looks, and restarts k3s only when that renews something.
 */
export const renewalFiles = (prefix: string): readonly RemoteFile[] => {
  const name = renewalName(prefix);
  const script = `/usr/local/sbin/${name}`;
  return [
    { path: script, mode: "755", content: shellPart(import.meta.url, "certificates.sh") },
    {
      path: `/etc/systemd/system/${name}.service`,
      mode: "644",
      content: `[Unit]
Description=Renew the certificates of k3s when they are about to expire
After=k3s.service

[Service]
Type=oneshot
ExecStart=${script}
`,
    },
    {
      path: `/etc/systemd/system/${name}.timer`,
      mode: "644",
      content: `[Unit]
Description=Look at the certificates of k3s every month

[Timer]
OnCalendar=*-*-01 03:30:00 UTC
RandomizedDelaySec=30min
Persistent=true

[Install]
WantedBy=timers.target
`,
    },
  ];
};
