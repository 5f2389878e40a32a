/** The records of a converted store's catalogue, in the order of their keys. */

import { encodeTreeRecord } from "../src/store/catalog.js";
import { encodeLegacyRecord, LEGACY_RECORD_NAME, type LegacyRecord } from "./legacy-record.js";

export interface CatalogEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** `roots` names every tree of the store; the unnamed one must be among them. */
export function catalogEntries(
  roots: ReadonlyMap<string, number>,
  legacy: LegacyRecord | undefined,
): CatalogEntry[] {
  const entries: CatalogEntry[] = [];
  for (const [name, root] of roots) {
    entries.push({
      key: Buffer.from(name, "utf8"),
      value: encodeTreeRecord({ root, keyEncoding: "binary", valueEncoding: "binary" }),
    });
  }
  if (legacy !== undefined) {
    entries.push({ key: Buffer.from(LEGACY_RECORD_NAME, "utf8"), value: encodeLegacyRecord(legacy) });
  }
  return entries.sort((a, b) => Buffer.compare(a.key, b.key));
}
