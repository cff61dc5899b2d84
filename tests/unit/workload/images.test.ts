import { describe, expect, it } from "vitest";
import {
  atLeast,
  catalogue,
  imageNames,
  imageRefProblem,
  isImageRef,
  resolveImage,
  tagVersion,
} from "../../../components/workload/images.ts";

const digest = "0f3c1e5a7b9d2468ace013579bdf02468ace13579bdf0246813579bdf02468ac";
const app = `registry.example.com/team/app:1.2.3@sha256:${digest}` as const;

describe("the catalogue", () => {
  it("pins every public image by tag and digest", () => {
    const refs = imageNames.map((name) => catalogue[name].ref).filter((ref) => ref !== undefined);
    expect(refs.length).toBeGreaterThan(0);
    expect(refs.filter((ref) => !isImageRef(ref))).toEqual([]);
  });

  it("has no default for the team's own image", () => {
    expect(() => resolveImage("app", {})).toThrow(/^images\.app: no image is set .*platform:images\.app/);
  });
});

describe("resolveImage", () => {
  it("takes the catalogue's entry", () => {
    expect(resolveImage("postgres", {})).toMatchObject({
      tag: "18.6-trixie",
      carries: { pgaudit: false, walg: false },
    });
  });

  it("prefers the stack's override", () => {
    expect(resolveImage("app", { app })).toMatchObject({ ref: app, tag: "1.2.3", digest });
  });
});

describe("isImageRef", () => {
  it.each([
    app,
    `docker.io/library/postgres:18.6-trixie@sha256:${digest}`,
    `localhost:5000/a:1@sha256:${digest}`,
  ])("accepts %s", (ref) => {
    expect(isImageRef(ref)).toBe(true);
    expect(imageRefProblem("app", ref)).toBeUndefined();
  });

  it.each([
    "docker.io/library/postgres:18",
    `docker.io/library/postgres@sha256:${digest}`,
    `postgres:18@sha256:${digest}`,
    `library/postgres:18@sha256:${digest}`,
    `docker.io/library/postgres:18@sha256:${digest.slice(1)}`,
    `docker.io/library/postgres:18@sha256:${digest.toUpperCase()}`,
    `docker.io/Library/postgres:18@sha256:${digest}`,
    `docker.io/library/postgres:18@sha256:${digest} `,
  ])("refuses %s", (ref) => {
    expect(isImageRef(ref)).toBe(false);
    expect(imageRefProblem("app", ref)).toContain("images.app:");
  });
});

describe("versions in tags", () => {
  it.each([
    ["v3.7.13", [3, 7, 13]],
    ["18.6-trixie", [18, 6]],
    ["latest", undefined],
  ])("%s is %j", (tag, expected) => {
    expect(tagVersion(tag)).toEqual(expected);
  });

  it.each([
    ["v3.7.13", "3.7.11", true],
    ["v3.7.11", "3.7.11", true],
    ["v3.7.9", "3.7.11", false],
    ["v3.10.0", "3.7.11", true],
    ["v4", "3.7.11", true],
    ["edge", "3.7.11", false],
  ])("%s is at least %s: %s", (tag, minimum, expected) => {
    expect(atLeast(tag, minimum)).toBe(expected);
  });
});
