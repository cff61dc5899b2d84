/** What the import calls its own things, and what belongs to the platform. */

import { database, extensions, roles } from "../../../components/data/layout.ts";

export { database, roles };

/** The copy while it is made; dropped by the next run if this one dies. */
export const incoming = `${database}_import`;
/** The copy of a rehearsal; dropped at its end. */
export const rehearsal = `${database}_rehearsal`;
/** What was there before the cut-over, kept for the way back. */
export const previous = `${database}_before_import`;
/** The imported database after a way back: it may hold writes that exist nowhere else. */
export const returned = `${database}_returned`;

/** Name of the pod that the copy runs in, and of the record of the last rehearsal. */
export const podName = "data-import";
export const recordName = "data-import-rehearsal";

/** Schemas that the platform makes in each of its databases: never copied, not even from another stack of the platform. */
export const ownSchemas = ["platform", "pgbouncer"] as const;

export const isOurs = {
  extension: (name: string): boolean =>
    (extensions as readonly string[]).includes(name) || ["amcheck", "pgaudit"].includes(name),
};
