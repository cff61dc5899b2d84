import type { Rule } from "../records.ts";
import * as network from "./network.ts";
import * as pods from "./pods.ts";
import { referencesExist, routesLead } from "./references.ts";
import { secretOutputs, secretTaint } from "./secrets.ts";
import * as structure from "./structure.ts";

export interface RuleContext {
  readonly prefix: string;
  readonly canaries: readonly string[];
  /** What another stack on the cluster provides, as `Kind name`. */
  readonly foreign?: readonly string[];
}

/** All rules by name, for one stack. */
export const allRules = ({
  prefix,
  canaries,
  foreign = [],
}: RuleContext): Readonly<Record<string, Rule>> => ({
  parented: structure.parented,
  childNames: structure.childNames,
  oneProvider: structure.oneProvider,
  prefixedNames: structure.prefixedNames(prefix),
  uniqueNames: structure.uniqueNames,
  order: structure.order,
  noCycles: structure.noCycles,
  dataProtected: structure.dataProtected,
  quietCommands: structure.quietCommands,
  configMapsReplaceable: structure.configMapsReplaceable,
  ...pods,
  ...network,
  referencesExist: referencesExist(foreign),
  routesLead,
  secretTaint: secretTaint(canaries),
  secretOutputs,
});
