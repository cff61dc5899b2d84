import { stringify } from "yaml";

/** YAML that readers of version 1.1 (k3s) and 1.2 take alike: what could be a number or a boolean is quoted. */
export const toYaml = (value: unknown): string => stringify(value, { version: "1.1", lineWidth: 0 });
