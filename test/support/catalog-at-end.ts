/** Stores whose catalogue lies at the file's end, as a conversion in place leaves it. */

import { AT_NUMBER } from "../../src/pager/page-header.js";
import { Catalog } from "../../src/store/catalog.js";
import type { Engine } from "../../src/store/engine.js";

/**
 * Copies the root of the catalogue to a new page behind all others, in a transaction of its own. The store has to be
 * closed then, since its own catalogue is still where it was. REQUIRES: the catalogue is one leaf.
 */
export function catalogToEnd(store: object): void {
  const { engine } = store as { engine: Engine };
  const { pager } = engine;
  const catalog = new Catalog(engine);
  const { root } = catalog;
  const end = pager.pageCount;
  engine.transaction(() => {
    pager.beginOperation();
    const holes: number[] = [];
    let page = pager.allocatePage();
    for (; page < end; page = pager.allocatePage()) holes.push(page);
    for (const hole of holes) pager.freePage(hole);
    const from = pager.at(root);
    const image = pager.pool.u8.slice(from, from + pager.pageSize);
    new DataView(image.buffer).setUint32(AT_NUMBER, page, true);
    pager.edits.select(page);
    pager.edits.replace(image, false);
    pager.freePage(root);
    catalog.moveTo(page);
  }, true);
}
