import { describe, expect, it } from "vitest";
import {
  DrillExporter,
  drillExporterFlows,
  drillExporterTarget,
  drillFlows,
} from "../../../components/data/index.ts";
import { child, children, image, inventory } from "../../support/components.ts";
import { at, list, map } from "../../support/records.ts";

const made = () =>
  children("e", () => {
    new DrillExporter("e", {
      prefix: "hc",
      namespace: "hc-drill",
      image: image("nodeExporter", "v1.12.1"),
      size: { cpuMillis: 5, memoryMiB: 16, memoryLimitMiB: 64 },
      priorityClass: "hc-app",
      evidenceClaim: "drill-evidence",
      rotation: 3,
    });
  });
const pod = async () => at(child(await made(), "e-server").inputs, "spec.template.spec");

describe("DrillExporter", () => {
  it("makes exactly these objects", async () => {
    expect(inventory(await made())).toEqual(["Deployment e-server", "ServiceAccount e-account"]);
  });

  it("collects the drill's file, and nothing of itself or of the machine", async () => {
    expect(at(await pod(), "containers.0.args")).toEqual([
      "--web.listen-address=:9101",
      "--web.disable-exporter-metrics",
      "--collector.disable-defaults",
      "--collector.textfile",
      "--collector.textfile.directory=/var/lib/platform-evidence",
    ]);
  });

  it("reads the evidence as another user of the drill's group, and writes nothing", async () => {
    const spec = await pod();
    expect(list(spec, "volumes")).toEqual([
      { name: "evidence", persistentVolumeClaim: { claimName: "drill-evidence" } },
    ]);
    expect(list(spec, "containers.0.volumeMounts")).toEqual([
      { name: "evidence", mountPath: "/var/lib/platform-evidence", readOnly: true },
    ]);
    expect(at(spec, "securityContext")).toMatchObject({
      runAsNonRoot: true,
      runAsUser: 65534,
      runAsGroup: 65534,
      fsGroup: 999,
    });
    expect(at(spec, "containers.0.securityContext.readOnlyRootFilesystem")).toBe(true);
  });

  it("is restarted by a rotation", async () => {
    const annotations = map(child(await made(), "e-server").inputs, "spec.template.metadata.annotations");
    expect(annotations).toEqual({ "platform.internal/rotation": "3" });
  });
});

describe("drillExporterFlows", () => {
  it("is asked by Prometheus, and asks nobody", () => {
    expect(drillExporterFlows("hc")).toMatchObject({
      layer: "drill",
      listens: [{ name: "metrics", port: 9101 }],
      calls: [],
    });
    expect(drillExporterTarget("hc")).toMatchObject({
      job: "restore-drill",
      workload: "drill/drill-exporter",
      port: 9101,
      scheme: "http",
    });
  });

  it("does not take over the drill's way to the store", () => {
    const store = { endpoint: "https://store.example.com", endpointCidrs: [], downloadUrl: undefined };
    expect(drillExporterFlows("hc").selector).not.toMatchObject(drillFlows("hc", store).selector);
  });
});
