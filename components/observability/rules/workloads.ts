import type { RuleGroup } from "./types.ts";

/** Pods and Jobs of this stack, as kube-state-metrics sees them. */
export const workloadRules: RuleGroup = {
  name: "workloads",
  alerts: [
    {
      name: "PodCrashLooping",
      expr: 'max by (namespace, pod, container) (max_over_time(kube_pod_container_status_waiting_reason{reason="CrashLoopBackOff"}[5m])) == 1',
      holds: "5m",
      severity: "high",
      summary: "Container {{ $labels.container }} of {{ $labels.pod }} ends again and again.",
    },
    {
      name: "PodUnschedulable",
      expr: 'max by (namespace, pod) (kube_pod_status_scheduled{condition="false"}) == 1',
      holds: "5m",
      severity: "high",
      summary: "{{ $labels.pod }} finds no place: too little memory or CPU, or its volume is elsewhere.",
    },
    {
      name: "ContainerOomKilled",
      expr:
        'max by (namespace, pod, container) (kube_pod_container_status_last_terminated_reason{reason="OOMKilled"}) == 1' +
        " and on (namespace, pod, container) max by (namespace, pod, container) (increase(kube_pod_container_status_restarts_total[15m])) > 0",
      severity: "high",
      summary:
        "Container {{ $labels.container }} of {{ $labels.pod }} was ended because it used more memory than its limit.",
    },
    {
      name: "DeploymentUnavailable",
      expr: "max by (namespace, deployment) (kube_deployment_status_replicas_unavailable) > 0",
      holds: "15m",
      severity: "high",
      summary: "{{ $value }} pods of {{ $labels.deployment }} have been missing for 15 minutes.",
    },
    {
      name: "JobFailed",
      // Two days: a failed run of a weekly job must not shout until the next one.
      expr:
        'max by (namespace, job_name) (kube_job_failed{condition="true"}) == 1' +
        " and on (namespace, job_name) time() - max by (namespace, job_name) (kube_job_status_start_time) < 2 * 86400",
      severity: "high",
      summary: "Job {{ $labels.job_name }} failed.",
    },
  ],
};
