/** The content hash of an open store, whatever engine it is. Reads every record. */

import { ContentHasher } from "../streams/content.js";
import type { EngineStore } from "./engine.js";

export async function contentHash(store: EngineStore): Promise<string> {
  const hasher = new ContentHasher();
  for await (const [key, value] of store.entries()) hasher.add(key, value);
  return hasher.digest();
}
