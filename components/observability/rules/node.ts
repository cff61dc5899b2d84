import type { RuleGroup } from "./types.ts";

/** Real disks: what is left out by the exporter's own settings is not here. */
const available = "node_filesystem_avail_bytes";
/** As `df` counts: what is kept for root is neither used nor to be had. */
const used = "(node_filesystem_size_bytes - node_filesystem_free_bytes)";
const fullness = `${used} / (${used} + ${available})`;

/** The machine, in the stack that owns it. */
export const nodeRules: RuleGroup = {
  name: "node",
  alerts: [
    {
      name: "DiskWillFill",
      expr: `max by (mountpoint) (predict_linear(${available}[6h], 86400) < 0 and ${fullness} > 0.5)`,
      holds: "30m",
      severity: "critical",
      summary: "At the pace of the last six hours {{ $labels.mountpoint }} is full within a day.",
    },
    {
      name: "DiskAlmostFull",
      expr: `max by (mountpoint) (${fullness}) > 0.8`,
      holds: "5m",
      severity: "critical",
      summary: "{{ $labels.mountpoint }} is {{ $value | humanizePercentage }} full.",
    },
    {
      name: "InodesAlmostGone",
      expr: "max by (mountpoint) (1 - node_filesystem_files_free / (node_filesystem_files > 0)) > 0.9",
      holds: "5m",
      severity: "critical",
      summary: "{{ $value | humanizePercentage }} of the inodes of {{ $labels.mountpoint }} are used.",
    },
    {
      name: "MemoryLow",
      expr: "max by (job) (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes) > 0.95",
      holds: "5m",
      severity: "high",
      summary: "{{ $value | humanizePercentage }} of the machine's memory is in use.",
    },
    {
      name: "ClockSkew",
      expr: "max by (job) (abs(node_timex_offset_seconds)) > 1",
      holds: "5m",
      severity: "critical",
      summary: "The clock is {{ $value }} s off: certificates, tokens and recovery times depend on it.",
    },
    {
      name: "NodeNotReady",
      expr: 'max by (node) (kube_node_status_condition{condition="Ready", status="true"}) == 0',
      holds: "2m",
      severity: "critical",
      summary: "Node {{ $labels.node }} is not ready.",
    },
    {
      name: "NodePressure",
      expr: 'max by (node, condition) (kube_node_status_condition{condition=~"MemoryPressure|DiskPressure|PIDPressure", status="true"}) == 1',
      holds: "1m",
      severity: "critical",
      summary: "Node {{ $labels.node }} reports {{ $labels.condition }}: pods are being evicted.",
    },
  ],
};
