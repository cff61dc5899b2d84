import { describe, expect, it } from "vitest";
import {
  isKnownRelease,
  isKnownVersion,
  knownReleases,
  releaseDigest,
  releases,
  releaseUrl,
} from "../../../components/cluster/releases.ts";
import { checkClusterSpec } from "../../../components/cluster/types.ts";
import { clusterSpec } from "./spec.ts";

describe("releases", () => {
  it("are well-formed and no digest is there twice", () => {
    const digests = Object.values(releases).flatMap((r) => Object.values(r));
    expect(digests.length).toBeGreaterThan(0);
    for (const digest of digests) expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(new Set(digests).size).toBe(digests.length);
    for (const version of Object.keys(releases)) expect(version).toMatch(/^v\d+\.\d+\.\d+\+k3s\d+$/);
    expect(knownReleases()).toHaveLength(digests.length);
  });

  it("knows pairs, not versions alone", () => {
    expect(isKnownRelease("v1.36.5+k3s1", "amd64")).toBe(true);
    expect(isKnownRelease("v1.36.5+k3s1", "arm64")).toBe(false);
    expect(isKnownVersion("v1.36.5+k3s1")).toBe(true);
    expect(isKnownVersion("toString")).toBe(false);
    expect(releaseDigest("v9.9.9+k3s1", "amd64")).toBeUndefined();
  });

  it("escapes the plus sign and names the asset of the architecture", () => {
    expect(releaseUrl("v1.36.3+k3s1", "amd64")).toMatch(/\/download\/v1\.36\.3%2Bk3s1\/k3s$/);
    expect(releaseUrl("v1.36.3+k3s1", "arm64")).toMatch(/\/v1\.36\.3%2Bk3s1\/k3s-arm64$/);
  });
});

describe("checkClusterSpec", () => {
  it.each([
    [
      { version: "v1.36.5+k3s1", architecture: "arm64" },
      'no digest is pinned for "v1.36.5+k3s1 arm64"; known: ',
    ],
    [
      { artifacts: { source: "directory", path: "a", manifestSha256: "abc" } },
      "cluster.artifacts.manifestSha256",
    ],
    [
      { version: "v1.0.0", artifacts: { source: "directory", path: "a", manifestSha256: "0".repeat(64) } },
      '"v1.0.0" is not in the catalogue',
    ],
    [{ nodeName: "A_B" }, "cluster.nodeName"],
  ] as const)("refuses %j", (changes, message) => {
    expect(() => {
      checkClusterSpec(clusterSpec(changes));
    }).toThrow(message);
  });

  it("takes a version without a digest of its own when the manifest brings it", () => {
    const artifacts = { source: "directory", path: "a", manifestSha256: "0".repeat(64) } as const;
    expect(() => {
      checkClusterSpec(clusterSpec({ architecture: "arm64", artifacts }));
    }).not.toThrow();
  });
});
