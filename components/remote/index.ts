export { sshConnection } from "./connection.ts";
export type { SshConnection, SshConnectionArgs } from "./connection.ts";
export { heredoc, quote } from "./quote.ts";
export { loader, remoteScript } from "./RemoteScript.ts";
export type { RemoteScript, RemoteScriptArgs } from "./RemoteScript.ts";
export { endMarker, exitCodes, outputOf, renderScript, shellPart, stateDirectory } from "./script.ts";
export type { Mode, RemoteFile, ScriptPlan } from "./script.ts";
export { upload } from "./Upload.ts";
