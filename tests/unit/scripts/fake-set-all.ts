/** `pulumi config set-all --path --plaintext KEY=VALUE …` of the stand-in: edits the stack file, keeps comments. */

import { readFileSync, writeFileSync } from "node:fs";
import { parseDocument } from "yaml";

const args = process.argv.slice(2);
const file = args.at(-1) ?? "";
const document = parseDocument(readFileSync(file, "utf8"));
args.forEach((argument, i) => {
  if (args[i - 1] !== "--plaintext") return;
  const [path = "", value] = [argument.split("=")[0], argument.slice(argument.indexOf("=") + 1)];
  const [head = "", ...rest] = path.split(".");
  document.setIn(["config", head, ...rest], value);
});
writeFileSync(file, document.toString());
