/** Replaces a file in one step: a reader sees the old text or the new one, a crash leaves the old one. */

import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";

/**
 * Writes `text` and keeps the file's mode.
 * @returns false when the file already held exactly this text
 */
export const replaceFile = (path: string, text: string): boolean => {
  const mode = existsSync(path) ? statSync(path).mode & 0o777 : 0o644;
  if (existsSync(path) && readFileSync(path, "utf8") === text) return false;
  const temporary = `${path}.${String(process.pid)}.tmp`;
  try {
    writeFileSync(temporary, text, { mode });
    // The mode given above passes through the umask.
    chmodSync(temporary, mode);
    renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  return true;
};
