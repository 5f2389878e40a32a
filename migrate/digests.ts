/** One digest for the content of a file. */

import { createHash } from "node:crypto";

/**
 * That of the only tree; of several, SHA-256 over their names and digests in the order of the
 * names, so that both formats give the same.
 */
export function combinedDigest(trees: readonly { readonly name: string; readonly digest: string }[]): string {
  if (trees.length === 1) return trees[0]!.digest;
  const hash = createHash("sha256");
  for (const { name, digest } of [...trees].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    hash.update(`${name}\0${digest}\n`);
  }
  return hash.digest("hex");
}
