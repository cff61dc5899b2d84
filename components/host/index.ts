export { hostOwns, renderFingerprint } from "./fingerprint.ts";
export type { FingerprintArgs } from "./fingerprint.ts";
export { Host } from "./Host.ts";
export type { HostArgs } from "./Host.ts";
export type { HostSpec } from "./types.ts";
