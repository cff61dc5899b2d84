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

export const imagesInUse = (
  s: Pick<PartialSettings, "cluster" | "monitoring" | "data">,
): readonly ImageName[] => {
  const owner = s.cluster?.source === "own";
  const rehearsed = s.data?.backup?.drill.enabled === true;
  const watched = s.monitoring !== undefined;
  return imageNames.filter((name) => {
    if (watching.has(name)) return watched;
    // It watches the machine, which belongs to one stack, and reads the verdict of the drill.
    if (name === "nodeExporter") return watched && (owner || rehearsed);
    return name !== "traefik" || owner;
  });
};
