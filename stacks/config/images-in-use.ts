/** Which images a stack runs: only for these must there be one. Pure. */

import { imageNames } from "../../components/workload/images.ts";
import type { ImageName } from "../../components/workload/images.ts";
import type { PartialSettings } from "./schema.ts";

const watching: ReadonlySet<ImageName> = new Set<ImageName>([
  "prometheus",
  "alertmanager",
  "postgresExporter",
  "pgbouncerExporter",
  "redisExporter",
  "kubeStateMetrics",
]);
/** What watches the machine belongs to the stack that owns it. */
const watchingTheMachine: ReadonlySet<ImageName> = new Set<ImageName>(["nodeExporter"]);

export const imagesInUse = (s: Pick<PartialSettings, "cluster" | "monitoring">): readonly ImageName[] => {
  const owner = s.cluster?.source === "own";
  const watched = s.monitoring !== undefined;
  return imageNames.filter((name) => {
    if (watching.has(name)) return watched;
    if (watchingTheMachine.has(name)) return watched && owner;
    return name !== "traefik" || owner;
  });
};
