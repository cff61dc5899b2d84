import { exampleConfig, type ExampleStack } from "../unit/stacks/examples.ts";
import { loadConfig } from "../../stacks/config.ts";
import { Platform } from "../../stacks/platform.ts";
import { record, valueOf, type Run } from "./harness.ts";

/** The stack that owns the cluster which `sharer` uses. */
export const ownerStack = "organization/platform/production";

export interface ProgramOptions {
  /** By path below `platform:`, e.g. `{ "app.workerEnabled": true }`. */
  readonly changes?: Readonly<Record<string, unknown>>;
  readonly preview?: boolean;
}

const runs = new Map<string, Promise<Run<Platform>>>();

/** Runs the whole program with an example stack's real config and made-up secrets; equal runs happen once. */
export const runProgram = async (
  stack: ExampleStack,
  options: ProgramOptions = {},
): Promise<Run<Platform>> => {
  const key = JSON.stringify([stack, options]);
  const run =
    runs.get(key) ??
    record(() => new Platform("platform", loadConfig()), {
      stack,
      config: exampleConfig(stack, options.changes),
      preview: options.preview ?? false,
    });
  runs.set(key, run);
  return await run;
};

/** What production tells the stacks that share its cluster. */
const ownerOutputs = async (owner: Platform): Promise<Record<string, unknown>> => {
  const { sharedCluster } = owner.outputs;
  if (sharedCluster === undefined) throw new Error("the owner exports no sharedCluster");
  return {
    sharedCluster: {
      version: await valueOf(sharedCluster.version),
      clusterCidr: sharedCluster.clusterCidr,
      apiServer: sharedCluster.apiServer,
      edgeNamespace: await valueOf(sharedCluster.edgeNamespace),
      ingressClass: await valueOf(sharedCluster.ingressClass),
    },
    sharedClusterKubeconfig: "fake-kubeconfig-of-the-owner-0123456789",
  };
};

/** Production on a machine of its own, and staging beside it on the same cluster. */
export const runTwoStacksOnOneHost = async (): Promise<TwoStacks> => await (twoStacks ??= buildTwoStacks());

interface TwoStacks {
  readonly owner: Run<Platform>;
  readonly sharer: Run<Platform>;
}
let twoStacks: Promise<TwoStacks> | undefined;

const buildTwoStacks = async (): Promise<TwoStacks> => {
  const owner = await runProgram("production");
  const outputs = await ownerOutputs(owner.result);
  const sharer = await record(() => new Platform("platform", loadConfig()), {
    stack: "staging",
    config: exampleConfig("staging", {
      host: undefined,
      cluster: { source: "shared", stack: ownerStack },
      sshPrivateKey: undefined,
      clusterToken: undefined,
      clusterAgentToken: undefined,
      registryPassword: undefined,
    }),
    references: { [ownerStack]: outputs },
  });
  return { owner, sharer };
};
