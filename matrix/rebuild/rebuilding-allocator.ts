/**
 * The legacy way of editing a leaf, as a benchmark subject: every edit decodes all records of the leaf,
 * changes the list, and writes a new compact image. It stands in for the leaf allocator under an otherwise
 * unchanged tree, pager and log, so that what is measured is the way of editing and nothing else.
 */

import type { Entry } from "../../src/page/entry.js";
import {
  highFence,
  isOverflow,
  keyOf,
  lowFence,
  prefixLength,
  recordLength,
  slotCount,
  suffixVarintBytes,
  valueAt,
  valueLength,
} from "../../src/page/leaf.js";
import { LeafAllocator, type PackListener } from "../../src/page/leaf-allocator.js";
import { LEAF_SLOT_BYTES } from "../../src/pager/page-header.js";
import type { Pager } from "../../src/pager/pager.js";
import type { CensusEntry, LegacyPath } from "../results/document.js";
import type { GuardrailCensus } from "./census.js";

/** A record taken out of its page: what decoding makes of it. */
interface DecodedRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly overflow: boolean;
}

export class RebuildingAllocator extends LeafAllocator {
  protected readonly pager: Pager;
  protected readonly census: GuardrailCensus;

  constructor(pager: Pager, profile: boolean, onPack: PackListener, census: GuardrailCensus) {
    super(pager, profile, onPack);
    this.pager = pager;
    this.census = census;
  }

  override insert(page: number, index: number, entry: Entry): boolean {
    if (!this.fits(page, entry, 0, LEAF_SLOT_BYTES)) return false;
    this.rebuildWith(page, index, 0, entry, "insert", "always");
    return true;
  }

  override overwrite(page: number, index: number, entry: Entry): boolean {
    if (!this.fits(page, entry, this.recordBytes(page, index), 0)) return false;
    this.rebuildWith(page, index, 1, entry, "insert", "always");
    return true;
  }

  override removeRange(page: number, from: number, to: number): void {
    if (from === to) return;
    this.rebuildWith(page, from, to - from, null, "delete", "always");
  }

  /** Whether the page takes the entry, when `freed` bytes go and `slotBytes` of directory come. */
  protected fits(page: number, entry: Entry, freed: number, slotBytes: number): boolean {
    const offset = this.pager.at(page);
    const fits = this.sizeOf(offset, entry) + slotBytes <= this.room(offset) + freed;
    if (!fits) this.pager.metrics.allocator.failures.page_full++;
    return fits;
  }

  /** Bytes of the record that the entry makes in the leaf at `offset`. */
  protected sizeOf(offset: number, entry: Entry): number {
    const suffix = entry.keyLength - prefixLength(this.pager.pool, offset);
    return suffixVarintBytes(suffix) + suffix + entry.length;
  }

  protected recordBytes(page: number, index: number): number {
    return recordLength(this.pager.pool, this.pager.at(page), index);
  }

  /** Decodes the leaf, puts the entry (or nothing) in the place of `removed` records, writes it anew. */
  protected rebuildWith(
    page: number,
    index: number,
    removed: number,
    entry: Entry | null,
    path: LegacyPath,
    guardrail: CensusEntry["guardrail"],
  ): void {
    const records = this.#decode(page);
    if (entry === null) records.splice(index, removed);
    else records.splice(index, removed, decodedEntry(entry));
    this.#encode(page, records);
    this.census.rebuilt(path, guardrail);
    this.pager.metrics.leaf.rebuilds++;
  }

  #decode(page: number): DecodedRecord[] {
    const { pool, metrics } = this.pager;
    const offset = this.pager.at(page);
    const slots = slotCount(pool, offset);
    const records: DecodedRecord[] = [];
    for (let i = 0; i < slots; i++) {
      const from = valueAt(pool, offset, i);
      const value = pool.u8.slice(from, from + valueLength(pool, offset, i));
      records.push({ key: keyOf(pool, offset, i), value, overflow: isOverflow(pool, offset, i) });
      metrics.leaf.memcopy_bytes += value.length;
    }
    metrics.leaf.key_decodes += slots;
    return records;
  }

  #encode(page: number, records: readonly DecodedRecord[]): void {
    const { pool, metrics } = this.pager;
    const offset = this.pager.at(page);
    const { builder } = this;
    builder.start(lowFence(pool, offset), highFence(pool, offset));
    for (const { key, value, overflow } of records) {
      builder.add(key, key.length, value, 0, value.length, overflow);
      metrics.leaf.memcopy_bytes += value.length;
    }
    builder.writeTo(this.pager, page);
    this.regions.setEmpty(offset);
  }
}

function decodedEntry({ key, keyLength, value, from, length, overflow }: Entry): DecodedRecord {
  return { key: key.slice(0, keyLength), value: value.slice(from, from + length), overflow };
}
