/** The npm scripts that people run, with what each may change. Data for every help text. */

export interface Command {
  readonly name: string;
  readonly does: string;
  /** What may be different afterwards. */
  readonly changes: string;
}

export const commands: readonly Command[] = [
  {
    name: "stack:init",
    does: "prepare a stack file (host key, secrets, CA) and the state bucket",
    changes:
      "the stack file, the backend's list of stacks, authorized_keys with --root-password, the bucket's versioning",
  },
  {
    name: "images:pin",
    does: "ask a registry for the digest of a tag",
    changes: "one entry of components/workload/images.ts",
  },
  {
    name: "images:build",
    does: "build the database's image with pgaudit and wal-g, and push it",
    changes: "one tag in your registry",
  },
  {
    name: "data:import",
    does: "move an existing PostgreSQL database into a stack; rehearses without --cut-over",
    changes:
      "a scratch database and pod while it runs; with --cut-over the application's data (the old one is kept)",
  },
  {
    name: "restore",
    does: "list backups, restore into a scratch pod or in place",
    changes: "scratch: one pod; in place: the database, after its name was typed; the old one is kept aside",
  },
  {
    name: "alert:test",
    does: "send a test alert and say whether the receiver took it",
    changes: "nothing; whoever gets the alerts gets one more",
  },
  {
    name: "docs:config",
    does: "write what is made from the config schema",
    changes: "Pulumi.yaml, docs/configuration.md, docs/schema",
  },
  { name: "check", does: "types, lint, format, one Pulumi copy, unit and program tests", changes: "nothing" },
  { name: "test", does: "unit and program tests", changes: "nothing" },
  { name: "test:unit", does: "pure functions and components", changes: "nothing" },
  { name: "test:program", does: "the whole program under mocks", changes: "nothing" },
  { name: "format", does: "format the sources", changes: "sources, their layout only" },
];

/** One line per command. */
export const renderHelp = (list: readonly Command[]): string => {
  const name = Math.max(...list.map((command) => command.name.length));
  const does = Math.max(...list.map((command) => command.does.length));
  return list
    .map((c) => `  npm run ${c.name.padEnd(name)}  ${c.does.padEnd(does)}  changes: ${c.changes}`)
    .join("\n");
};
