import type * as pulumi from "@pulumi/pulumi";
import type { ClusterDefaults } from "../../components/compliance/index.ts";
import type {
  CertificateAuthority,
  ImageName,
  Layer,
  ResolvedImage,
} from "../../components/workload/index.ts";
import type { PlatformConfig } from "../config.ts";
import type { Foundation } from "../foundation.ts";
import type { Profile } from "../profiles.ts";

/** What the layers of one stack share while they are built. */
export interface Build {
  readonly name: string;
  readonly config: PlatformConfig;
  readonly profile: Profile;
  readonly image: (name: ImageName) => ResolvedImage;
  readonly authority: CertificateAuthority;
  readonly foundation: Foundation;
  /** For the components of a layer: parent and provider. */
  readonly opts: pulumi.ComponentResourceOptions & { parent: pulumi.Resource };
}

/** Namespaces, policies and classes, which everything above them waits for. */
export interface Ground {
  readonly namespace: (layer: Layer) => {
    readonly namespaceName: string;
    readonly namespace: pulumi.Output<string>;
  };
  /** The layers that have a namespace in this stack. */
  readonly layers: readonly Layer[];
  readonly defaults: ClusterDefaults;
  readonly ready: pulumi.Resource[];
}

/** Does this stack own its host and cluster? */
export const owns = (config: PlatformConfig): boolean => config.cluster.source === "own";
