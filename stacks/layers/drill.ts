import { Drill } from "../../components/data/index.ts";
import { createStore, walgSettings, walgSource } from "./backup.ts";
import type { Build, Ground } from "./build.ts";

/** The restore drill, in a namespace without a way to anything but the store. */
export const createDrill = (build: Build, ground: Ground): Drill | undefined => {
  const { name, config, profile, image, opts } = build;
  const { backup } = config.data;
  if (backup?.drill.enabled !== true) return undefined;
  const store = createStore(build, ground, backup, "drill");
  return new Drill(
    `${name}-drill`,
    {
      prefix: config.prefix,
      namespace: ground.namespace("drill").namespace,
      image: image("postgres"),
      size: profile.drill.size,
      priorityClass: ground.defaults.priorityClasses.jobs,
      storageClass: ground.defaults.storageClass,
      storageGiB: backup.drill.storageGiB,
      schedule: backup.drill.schedule,
      timeZone: backup.timeZone,
      store: walgSettings(backup),
      source: walgSource(build, backup),
    },
    { ...opts, dependsOn: [...ground.ready, store] },
  );
};
