import { paths } from "./paths.ts";

/** First line of the unit: tells a k3s of ours from one that somebody else installed. Preflight looks for it. */
const ownerLine = (prefix: string): string => `# Managed by stack prefix ${prefix}`;

/** The k3s service. All options of k3s are in config.yaml, so this file hardly ever changes. */
export const renderUnit = (prefix: string): string =>
  `${ownerLine(prefix)}
[Unit]
Description=k3s, the Kubernetes of this host
Documentation=https://docs.k3s.io
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart=${paths.binary} server
# k3s writes certificates readable by all at each start.
ExecStartPost=-/bin/sh -c 'exec chmod 0600 ${paths.data}/server/tls/*.crt'
# Pods outlive a restart of k3s.
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s

[Install]
WantedBy=multi-user.target
`;
