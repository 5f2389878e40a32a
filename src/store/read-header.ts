/**
 * Tells what a file is before anything of it is touched: a store, a legacy tree file, a file whose
 * migration has begun, a newer store, or something else.
 */

import { crc32 } from "node:zlib";
import {
  CorruptionError,
  LegacyFormatError,
  MigratingError,
  NewerFormatError,
  NotAStoreError,
} from "../base/errors.js";
import { LEGACY_MAGIC, MIGRATING_MAGIC } from "../base/magic.js";
import { BLOCK_BYTES } from "../log/log-format.js";
import {
  FORMAT_VERSION,
  HEADER_AREA_BYTES,
  HEADER_COPIES,
  hasStoreMagic,
  headerIn,
  headerVersion,
  type StoreHeader,
} from "../pager/store-header.js";
import type { VfsFile } from "../vfs/vfs.js";
import { readFully } from "../vfs/whole-io.js";

/** Features of the file format that this version knows, by how much they hinder one that does not. */
const KNOWN_READ_ONLY_FEATURES = 0;
const KNOWN_INCOMPATIBLE_FEATURES = 0;

/** The header in force. Throws an error that says what the file is instead. */
export function readStoreHeader(file: VfsFile, path: string, readOnly: boolean): StoreHeader {
  const bytes = new Uint8Array(HEADER_AREA_BYTES);
  const length = readFully(file, bytes, 0, bytes.length, 0);
  if (startsWith(bytes, LEGACY_MAGIC)) throw new LegacyFormatError(path, legacyGeneration(file, bytes));
  if (startsWith(bytes, MIGRATING_MAGIC)) throw new MigratingError(path);
  let best: StoreHeader | undefined;
  let magic = false;
  for (let copy = 0; copy < HEADER_COPIES; copy++) {
    const part = bytes.subarray(copy * BLOCK_BYTES, (copy + 1) * BLOCK_BYTES);
    magic ||= hasStoreMagic(part);
    const version = headerVersion(part);
    if (version > FORMAT_VERSION) throw new NewerFormatError(path, `format version ${version}`);
    const header = headerIn(part);
    if (header !== undefined && (best === undefined || header.sequence > best.sequence)) best = header;
  }
  if (best === undefined) {
    if (!magic) throw new NotAStoreError(path, length === 0 ? "it is empty" : "it does not begin like one");
    throw new CorruptionError("W4", "neither copy of the store's header is valid", {
      path,
      page: 0,
      offset: 0,
    });
  }
  assertFeatures(best, path, readOnly);
  return best;
}

function startsWith(bytes: Uint8Array, magic: string): boolean {
  for (let i = 0; i < magic.length; i++) if (bytes[i] !== magic.charCodeAt(i)) return false;
  return true;
}

function assertFeatures(header: StoreHeader, path: string, readOnly: boolean): void {
  if ((header.incompatibleFeatures & ~KNOWN_INCOMPATIBLE_FEATURES) !== 0) {
    throw new NewerFormatError(path, `it uses features ${header.incompatibleFeatures}`);
  }
  if (!readOnly && (header.readOnlyCompatibleFeatures & ~KNOWN_READ_ONLY_FEATURES) !== 0) {
    throw new NewerFormatError(
      path,
      `it can only be opened read-only: features ${header.readOnlyCompatibleFeatures}`,
    );
  }
}

const LEGACY_HEADER_BYTES = 32;
const LEGACY_BODY_FIXED_BYTES = 48;
const LEGACY_LEAF = 3;
const LEGACY_PAGES_LOOKED_AT = 256;

/**
 * The generation of a legacy file, from its first leaf that has records: what the error message says.
 * (The migrator looks at every page.) Slot entries of four bytes are gen3's. A first key is the low fence: gen1's
 * record says how much of it is shared and how much follows, which are that fence's length together; the same bytes
 * of a gen2 record are a longer one.
 */
function legacyGeneration(file: VfsFile, first: Uint8Array): string {
  const meta = new DataView(first.buffer);
  const pageSize = meta.getUint32(8);
  if (pageSize < 256 || pageSize > 65535 + LEGACY_HEADER_BYTES) return "unknown";
  const page = new Uint8Array(pageSize);
  const view = new DataView(page.buffer);
  for (let number = 1; number <= LEGACY_PAGES_LOOKED_AT; number++) {
    if (readFully(file, page, 0, pageSize, number * pageSize) < pageSize) break;
    const slots = view.getUint16(LEGACY_HEADER_BYTES + 2);
    if (!startsWith(page, LEGACY_MAGIC) || page[6] !== LEGACY_LEAF || slots === 0) continue;
    if (!legacyChecksumHolds(page, view)) continue;
    const body = pageSize - LEGACY_HEADER_BYTES;
    const directory = view.getUint16(LEGACY_HEADER_BYTES + 6);
    if (directory === body - 4 * slots) return "gen3";
    if (directory !== body - 2 * slots) continue;
    const lowLength = view.getUint32(LEGACY_HEADER_BYTES + 36);
    const record = LEGACY_HEADER_BYTES + view.getUint16(LEGACY_HEADER_BYTES + directory);
    if (record < LEGACY_HEADER_BYTES + LEGACY_BODY_FIXED_BYTES || record + 4 > pageSize) continue;
    return view.getUint16(record) + view.getUint16(record + 2) === lowLength ? "gen1" : "gen2";
  }
  return "unknown";
}

function legacyChecksumHolds(page: Uint8Array, view: DataView): boolean {
  const stored = view.getUint32(28);
  const copy = page.slice();
  copy.fill(0, 28, 32);
  return crc32(copy, crc32(page.subarray(12, 28))) === stored;
}
