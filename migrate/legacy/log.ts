/**
 * The legacy log beside a file, as an overlay of page images. Nothing is ever written.
 *
 * `<db>-wal` is a file (gen1, gen2, early gen3) or a folder of segments (late gen3: `active/wal-NNNNNN` in
 * the order of their numbers; `recycle/` and `manifest` do not count; `wal.dwm`, where it is there, holds
 * the last durable LSN: frames above it are not read, and told). Frames up to the checkpoint LSN of the meta
 * page are skipped, the last image of a page wins, page 0 like any other. There is no commit marker: what
 * is valid is applied, as the original does.
 *
 * Memory: one map entry (about 40 bytes) for each page in the log.
 */

import { CorruptionError } from "../../src/base/errors.js";
import type { Vfs, VfsFile } from "../../src/vfs/vfs.js";
import { readFully } from "../../src/vfs/whole-io.js";
import { readU64 } from "./big-endian.js";
import { FRAME_HEADER_BYTES, LOG_HEADER_BYTES, PAGE_HEADER_BYTES } from "./layout.js";
import { type LogEnd, type LogHeader, type LogScan, readLogHeader, scanFrames } from "./log-frames.js";
import { checkpointOf, type LegacyMeta } from "./meta.js";
import { headerSalt } from "./page-check.js";

export type LogForm = "none" | "file" | "folder";

export interface LegacyLogOptions {
  /** "cut": where the log is damaged in the middle, take what lies before, as the original does. */
  readonly damaged?: "refuse" | "cut";
  /** "drop": leave out the frames of the last LSN, which may be only a part of its transaction. */
  readonly lastTransaction?: "apply" | "drop";
}

export interface LogSummary {
  readonly form: LogForm;
  /** Valid frames. */
  readonly frames: number;
  /** Frames above the checkpoint that count. */
  readonly applied: number;
  /** Pages that the log holds an image of. */
  readonly pages: number;
  /** Highest LSN applied, or the meta page's checkpoint where none was. */
  readonly lastLsn: number;
  readonly end: LogEnd;
  /** Why the log ended where it did; empty for a clean end. */
  readonly reason: string;
  /** What is odd about it and no hindrance; empty where nothing is. */
  readonly note: string;
  /** Why it can't be told whether commits count that it holds, and are left out here; empty where it can. */
  readonly undecided: string;
}

const OLDER_COPY = "it is an older copy of the file that the log belongs to";

const SEGMENT_SHIFT = 2 ** 40;
const SEGMENT_NAME = /^wal-(\d+)$/;
const OPEN_SEGMENTS_MAX = 16;

export class LegacyLog {
  readonly summary: LogSummary;
  readonly #files: SegmentFiles;
  /** Page to segment index * SEGMENT_SHIFT + offset of the image. */
  readonly #images: Map<number, number>;

  constructor(summary: LogSummary, files: SegmentFiles, images: Map<number, number>) {
    this.summary = summary;
    this.#files = files;
    this.#images = images;
  }

  has(page: number): boolean {
    return this.#images.has(page);
  }

  /** Copies the image of `page` to `target`, which begins at `offset`. The page must be in the log. */
  read(page: number, target: Uint8Array, offset: number, pageSize: number): void {
    const place = this.#images.get(page)!;
    const file = this.#files.open(Math.floor(place / SEGMENT_SHIFT));
    if (readFully(file, target, offset, pageSize, place % SEGMENT_SHIFT) < pageSize) {
      throw new CorruptionError("G8", "the log became shorter while it was read", {
        path: file.path,
        page: -1,
        offset: place % SEGMENT_SHIFT,
      });
    }
  }

  /** The page numbers in the log, in no order. */
  pageNumbers(): Iterable<number> {
    return this.#images.keys();
  }

  close(): void {
    this.#files.closeAll();
  }
}

/** The segments of a log, a bounded number of them open at a time. */
class SegmentFiles {
  readonly paths: readonly string[];
  readonly #vfs: Vfs;
  readonly #open: Map<number, VfsFile> = new Map();

  constructor(vfs: Vfs, paths: readonly string[]) {
    this.#vfs = vfs;
    this.paths = paths;
  }

  open(index: number): VfsFile {
    const known = this.#open.get(index);
    if (known !== undefined) return known;
    if (this.#open.size >= OPEN_SEGMENTS_MAX) {
      const [oldest, file] = this.#open.entries().next().value!;
      file.close();
      this.#open.delete(oldest);
    }
    const file = this.#vfs.open(this.paths[index]!, "read");
    this.#open.set(index, file);
    return file;
  }

  closeAll(): void {
    for (const file of this.#open.values()) file.close();
    this.#open.clear();
  }
}

/**
 * Reads the log at `path` (where there may be none; null is no log at all). `meta` is page 0 as it lies in the file. Cost: one pass
 * over the log. Throws CorruptionError (G8): damaged header, a log of another file, or damage in the
 * middle unless `damaged` is "cut".
 */
export function readLog(
  vfs: Vfs,
  path: string | null,
  meta: LegacyMeta,
  options: LegacyLogOptions = {},
): LegacyLog {
  if (path === null) return new LegacyLog(noLog(meta), new SegmentFiles(vfs, []), new Map());
  const stat = vfs.stat(path);
  const form: LogForm = stat === undefined || stat.kind === "other" ? "none" : stat.kind;
  const files = new SegmentFiles(
    vfs,
    form === "folder" ? segmentPaths(vfs, path) : form === "file" ? [path] : [],
  );
  try {
    const scan = new LogScanner(vfs, path, files, meta, options);
    return scan.run(form);
  } catch (error) {
    files.closeAll();
    throw error;
  }
}

function noLog(meta: LegacyMeta): LogSummary {
  const lastLsn = meta.lastCheckpointLsn;
  return {
    form: "none",
    frames: 0,
    applied: 0,
    pages: 0,
    lastLsn,
    end: "clean",
    reason: "",
    note: "",
    undecided: "",
  };
}

function segmentPaths(vfs: Vfs, folder: string): string[] {
  const active = `${folder}/active`;
  if (vfs.stat(active)?.kind !== "folder") {
    const names = vfs.list(folder);
    if (names.length === 0 || names.includes("manifest")) return [];
    const reason = "the folder in the place of the log holds other things, and no log";
    throw new CorruptionError("G8", reason, { path: folder, page: -1, offset: -1 });
  }
  const numbered: { number: number; name: string }[] = [];
  for (const name of vfs.list(active)) {
    const match = SEGMENT_NAME.exec(name);
    if (match !== null) numbered.push({ number: Number(match[1]), name });
  }
  return numbered.sort((a, b) => a.number - b.number).map((segment) => `${active}/${segment.name}`);
}

/**
 * How the log at `path` begins, for a file whose meta page is lost; undefined where there is none, or one whose first
 * page is of a file with another salt than `salt`. Throws IoError.
 */
export function logStart(vfs: Vfs, path: string, pageSize: number, salt: bigint): LogHeader | undefined {
  const kind = vfs.stat(path)?.kind;
  try {
    for (const name of kind === "folder" ? segmentPaths(vfs, path) : kind === "file" ? [path] : []) {
      const file = vfs.open(name, "read");
      try {
        const header = readLogHeader(file, pageSize);
        if (header === undefined) continue;
        const page = new Uint8Array(PAGE_HEADER_BYTES);
        const length = readFully(file, page, 0, page.length, LOG_HEADER_BYTES + FRAME_HEADER_BYTES);
        return length === page.length && headerSalt(page) === salt ? header : undefined;
      } finally {
        file.close();
      }
    }
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
  }
  return undefined;
}

class LogScanner {
  readonly #path: string;
  readonly #files: SegmentFiles;
  readonly #meta: LegacyMeta;
  readonly #options: LegacyLogOptions;
  readonly #durableLsn: number;
  readonly #images: Map<number, number> = new Map();
  /** The images of the newest LSN, held back until it is known whether it is the last. */
  #pending: Map<number, number> = new Map();
  #pendingLsn = -1;
  #pendingFrames = 0;
  /** Where the segment with the first frame that counts begins, or the last one where none does. */
  #startLsn = 0;
  /** What the first image of page 0 that counts names: the checkpoint of the file that the log belongs to. */
  #checkpointOfLog: number | undefined;
  /** A frame was met above the durable mark: all behind it are, too. */
  #isBeyond = false;
  #lastLsn: number;
  #frames = 0;
  #applied = 0;

  constructor(vfs: Vfs, path: string, files: SegmentFiles, meta: LegacyMeta, options: LegacyLogOptions) {
    this.#path = path;
    this.#files = files;
    this.#meta = meta;
    this.#options = options;
    this.#lastLsn = meta.lastCheckpointLsn;
    this.#durableLsn = readDurableMark(vfs, markPath(path));
  }

  run(form: LogForm): LegacyLog {
    let chain = 0n;
    let ended: { end: LogEnd; reason: string } = { end: "clean", reason: "" };
    for (let index = 0; index < this.#files.paths.length; index++) {
      const scan = this.#segment(index, chain, ended.end === "clean");
      if (scan === undefined) continue;
      this.#frames += scan.frames;
      if (ended.end !== "clean" && scan.frames > 0) {
        ended = { end: "damaged", reason: `${ended.reason}, but a later segment goes on` };
        break;
      }
      if (this.#isBeyond) break;
      if (scan.end !== "clean") ended = scan;
      if (scan.frames > 0) chain = scan.chain;
    }
    if (ended.end === "damaged" && this.#options.damaged !== "cut") {
      throw this.#bad(`${ended.reason}; what the log holds behind it would be lost`, -1);
    }
    if (this.#counts) this.#assertFollows();
    if (this.#options.lastTransaction !== "drop") this.#settle();
    const { end, reason } = ended;
    const summary: LogSummary = {
      form,
      frames: this.#frames,
      applied: this.#applied,
      pages: this.#images.size,
      lastLsn: this.#lastLsn,
      end,
      reason,
      note:
        this.#isBehindFile && !this.#counts
          ? `${this.#beginsBehind}; unless those between changed nothing, ${OLDER_COPY}, and lacks them`
          : "",
      undecided: this.#isBeyond ? this.#beyondMark : "",
    };
    return new LegacyLog(summary, this.#files, this.#images);
  }

  /**
   * Undefined for a segment made in advance; what lies behind the log's end is looked at, and not taken. Throws
   * CorruptionError; but where the log may be cut, and frames were taken before, it ends there.
   */
  #segment(
    index: number,
    chain: bigint,
    takes: boolean,
  ): Pick<LogScan, "frames" | "chain" | "end" | "reason"> | undefined {
    try {
      const file = this.#files.open(index);
      const header = readLogHeader(file, this.#meta.pageSize);
      if (header === undefined) return undefined;
      if (header.salt !== this.#meta.logSalt)
        throw this.#bad("the log belongs to another file: its salt differs", 12);
      if (!this.#counts) this.#startLsn = header.startLsn;
      return scanFrames(file, header, chain, (lsn, page, at, image) => {
        if (page === 0 && takes && lsn > this.#meta.lastCheckpointLsn)
          this.#checkpointOfLog ??= checkpointOf(image);
        return !takes || this.#take(lsn, page, index * SEGMENT_SHIFT + at);
      });
    } catch (error) {
      const mayCut = this.#options.damaged === "cut" && this.#images.size + this.#pending.size > 0;
      if (!mayCut || !(error instanceof CorruptionError)) throw error;
      return { frames: 0, chain, end: "damaged", reason: error.reason };
    }
  }

  get #counts(): boolean {
    return this.#images.size + this.#pending.size > 0;
  }

  /** The engine keeps to the mark only while it syncs asynchronously, and leaves an old one where it does so no more. */
  get #beyondMark(): string {
    return `the log holds commits above ${this.#durableLsn}, the last that ${markPath(this.#path)} calls durable: its own program takes them where it does not sync asynchronously, and drops them where it does; remove that mark to take them, or open and close the file with its program`;
  }

  get #isBehindFile(): boolean {
    return this.#startLsn > this.#meta.lastCheckpointLsn + 1;
  }

  get #beginsBehind(): string {
    return `the log begins with commit ${this.#startLsn} and the file ends with ${this.#meta.lastCheckpointLsn}`;
  }

  /**
   * The engine begins a log with the commit behind the file's checkpoint; with a later one, too, where those between
   * changed no page or failed. Page 0 in the log tells the two from an older copy of the file.
   */
  #assertFollows(): void {
    if (!this.#isBehindFile || this.#checkpointOfLog === this.#meta.lastCheckpointLsn) return;
    const older = `${OLDER_COPY}: put that one back, or move the log away to take the older one as it is`;
    const which =
      this.#checkpointOfLog === undefined
        ? `either those between changed nothing: open and close it with its own program, which takes the log in; or ${older}`
        : older;
    throw this.#bad(`${this.#beginsBehind}; ${which}`, 20);
  }

  #take(lsn: number, page: number, place: number): boolean {
    if (lsn <= this.#meta.lastCheckpointLsn) return true;
    if (lsn > this.#durableLsn) {
      this.#isBeyond = true;
      return false;
    }
    if (lsn !== this.#pendingLsn) this.#settle();
    this.#pendingLsn = lsn;
    this.#pending.set(page, place);
    this.#pendingFrames++;
    return true;
  }

  #settle(): void {
    for (const [page, place] of this.#pending) this.#images.set(page, place);
    if (this.#pending.size > 0) this.#lastLsn = Math.max(this.#lastLsn, this.#pendingLsn);
    this.#applied += this.#pendingFrames;
    this.#pendingFrames = 0;
    this.#pending = new Map();
  }

  #bad(reason: string, offset: number): CorruptionError {
    return new CorruptionError("G8", reason, { path: this.#path, page: -1, offset });
  }
}

function markPath(log: string): string {
  return `${log}/wal.dwm`;
}

function readDurableMark(vfs: Vfs, path: string): number {
  if (vfs.stat(path)?.kind !== "file") return Number.MAX_SAFE_INTEGER;
  const file = vfs.open(path, "read");
  try {
    const bytes = new Uint8Array(8);
    return readFully(file, bytes, 0, 8, 0) < 8 ? Number.MAX_SAFE_INTEGER : readU64(bytes, 0);
  } finally {
    file.close();
  }
}
