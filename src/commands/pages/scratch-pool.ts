/** A page pool of which only the first page is used, and filled by hand: for code that takes pages to pieces. */

import type { PoolOwner } from "../../pager/page-pool.js";

export const NO_OWNER: PoolOwner = {
  assertBlock: () => undefined,
  load: () => undefined,
  check: () => undefined,
  clean: () => false,
  full: () => new Error("the scratch pool is full"),
  outOfMemory: (cause) => new Error("the scratch pool has one page", { cause }),
};
