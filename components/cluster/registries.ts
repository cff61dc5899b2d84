import type { ClusterSpec } from "./types.ts";
import { toYaml } from "./yaml.ts";

/** /etc/rancher/k3s/registries.yaml: login to one private registry. Holds its password. */
export const renderRegistries = (registry: NonNullable<ClusterSpec["registry"]>, password: string): string =>
  toYaml({
    mirrors: { [registry.host]: { endpoint: [registry.endpoint] } },
    configs: { [registry.host]: { auth: { username: registry.username, password } } },
  });
