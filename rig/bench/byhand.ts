/**
 * What a careful person does without the program: files copied over SSH, k3s started, objects applied by kubectl.
 * State held: none here; the host has it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { host, must, onHost, repository, type Artifacts } from "../stack.ts";
import { remote } from "./hosts.ts";
import { applyOrder, type Manifest } from "./objects.ts";

const hostScript = join(repository, "rig", "host", "host.sh");

/** Files that decide how k3s runs, as the program wrote them. */
const files = [
  "/etc/rancher/k3s/config.yaml",
  "/etc/systemd/system/k3s.service",
  "/etc/sysctl.d/90-kubelet.conf",
  "/var/lib/rancher/k3s/server/psa.yaml",
  "/var/lib/rancher/k3s/server/audit.yaml",
] as const;

/** What of a host that the program made is needed to make its like by hand. */
export interface Recipe {
  readonly address: string;
  readonly node: string;
  readonly dataDirectory: string;
  readonly files: readonly { readonly path: string; readonly content: string }[];
  readonly objects: readonly Manifest[];
}

export const readRecipe = async (
  name: string,
  dataDirectory: string,
  objects: readonly Manifest[],
): Promise<Recipe> => ({
  address: await host("ip", name),
  node: name,
  dataDirectory,
  files: await Promise.all(files.map(async (path) => ({ path, content: await onHost(name, "cat", path) }))),
  objects,
});

const write = ({ path, content }: { readonly path: string; readonly content: string }): string =>
  `install -D -m 600 /dev/stdin ${path} <<'END-OF-FILE'\n${content}\nEND-OF-FILE\n`;

const install = (recipe: Recipe, version: string): string => `
install -d -m 700 /var/lib/rancher/k3s/server /var/lib/rancher/k3s/server/logs /var/lib/rancher/k3s/agent/images ${recipe.dataDirectory}/volumes
mv /root/artifacts/*.tar /var/lib/rancher/k3s/agent/images/
mv /root/artifacts/k3s /usr/local/bin/k3s-${version}
ln -sfn k3s-${version} /usr/local/bin/k3s
${recipe.files.map(write).join("")}
sysctl -q -p /etc/sysctl.d/90-kubelet.conf
systemctl daemon-reload
systemctl -q enable k3s
systemctl start k3s
until k3s kubectl get node ${recipe.node} >/dev/null 2>&1; do sleep 0.2; done
k3s kubectl wait --for=condition=Ready node/${recipe.node} --timeout=300s
until k3s kubectl -n kube-system get deployment coredns metrics-server local-path-provisioner >/dev/null 2>&1; do sleep 0.2; done
for part in coredns metrics-server local-path-provisioner; do
  k3s kubectl -n kube-system rollout status deployment/$part --timeout=600s
done
until k3s kubectl -n default get serviceaccount default >/dev/null 2>&1; do sleep 0.2; done
`;

/** Makes k3s run on a bare host; ends when its bundled parts are available. */
export const startByHand = async (name: string, recipe: Recipe, artifacts: Artifacts): Promise<void> => {
  const { k3sVersion } = JSON.parse(readFileSync(join(artifacts.path, "manifest.json"), "utf8")) as {
    k3sVersion: string;
  };
  const address = await host("ip", name);
  const copy =
    'tar -C "$1" -c . | "$2" exec "$3" -- sh -c "mkdir -p /root/artifacts && tar -x -C /root/artifacts"';
  await must("bash", ["-euo", "pipefail", "-c", copy, "copy", artifacts.path, hostScript, name]);
  await remote(name, install(recipe, k3sVersion).replaceAll(recipe.address, address));
};

/** `kubectl apply --server-side` of the same objects, and waits until the same of them are ready. */
export const applyByHand = async (name: string, recipe: Recipe): Promise<void> => {
  const address = await host("ip", name);
  for (const { objects, waits } of applyOrder(recipe.objects)) {
    const list = JSON.stringify({
      apiVersion: "v1",
      kind: "List",
      items: objects.map(({ object }) => object),
    });
    const apply = `k3s kubectl apply --server-side --force-conflicts -f - <<'END-OF-LIST'\n${list}\nEND-OF-LIST\n`;
    const commands = waits.map((args) => `k3s kubectl ${args.join(" ")}\n`).join("");
    await remote(name, `${apply}${commands}`.replaceAll(recipe.address, address));
  }
};
