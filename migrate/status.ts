/** Where a file stands, from its first bytes and its journal; reads nothing else and changes nothing. */

import { EspalierError, NotFoundError } from "../src/base/errors.js";
import { shellWord } from "../src/base/shell-word.js";
import { nodeVfs } from "../src/vfs/node-vfs.js";
import type { Vfs } from "../src/vfs/vfs.js";
import { inspectFile } from "./file-state.js";
import { BATCH_WORDS } from "./in-place/program.js";
import { RECOGNISE_BYTES, recogniseLegacy } from "./legacy/generation.js";
import { decodeLegacyRecord, LEGACY_RECORD_NAME } from "./legacy-record.js";
import { readCatalog } from "./store-reading.js";

/** Where a file stands. */
export interface FileStanding {
  readonly path: string;
  readonly state: "legacy" | "converted" | "store" | "converting" | "rolling-back" | "missing" | "unknown";
  /** The generation that it has, had, or is to have again. */
  readonly generation: string | null;
  readonly bytes: number | null;
  /** 0 to 1; null where nothing is under way. */
  readonly done: number | null;
  /** Which part of the conversion is under way; null where none is. */
  readonly phase: string | null;
  /** What to do next, or why the state is not known. */
  readonly advice: string;
}

const PHASES = ["begun", "leaves", "moving pages", "branches and checks", "header"];

/** Never throws for what the file is. */
export function statusOf(path: string, options: { readonly vfs?: Vfs } = {}): FileStanding {
  const vfs = options.vfs ?? nodeVfs;
  try {
    return standing(vfs, vfs.canonical(path), path);
  } catch (error) {
    if (!(error instanceof EspalierError)) throw error;
    return {
      path,
      state: error instanceof NotFoundError ? "missing" : "unknown",
      generation: null,
      bytes: bytesOf(vfs, path),
      done: null,
      phase: null,
      advice: error.message,
    };
  }
}

/** null also where it can't be told: why not is in the error that brought us here. */
function bytesOf(vfs: Vfs, path: string): number | null {
  try {
    return vfs.stat(path)?.size ?? null;
  } catch (error) {
    if (error instanceof EspalierError) return null;
    throw error;
  }
}

function standing(vfs: Vfs, path: string, given: string): FileStanding {
  const state = inspectFile(vfs, path);
  const bytes = vfs.stat(path)?.size ?? null;
  const base = { path: given, bytes, done: null, phase: null };
  if (state.kind === "migrating") {
    const { program, slot } = state;
    const batches = program.tables.batches.length / BATCH_WORDS;
    const forward = program.head.direction === "forward";
    return {
      ...base,
      state: forward ? "converting" : "rolling-back",
      generation: program.head.generation,
      done: slot.phase > 1 ? 1 : batches === 0 ? 0 : slot.batches / batches,
      phase: PHASES[slot.phase] ?? null,
      advice: forward
        ? `go on with: espalier migrate run ${shellWord(given)}; or back with: espalier migrate rollback ${shellWord(given)}`
        : `go on with: espalier migrate rollback ${shellWord(given)}`,
    };
  }
  if (state.kind === "legacy") {
    return {
      ...base,
      state: "legacy",
      generation: generationOf(vfs, path),
      advice: `convert it with: espalier migrate run ${shellWord(given)}`,
    };
  }
  if (!state.header.clean) {
    const advice = "it is open, or was not closed: whether it was converted is seen when it is closed";
    return { ...base, state: "store", generation: null, advice };
  }
  const generation = recordedGeneration(vfs, path);
  return {
    ...base,
    state: generation === null ? "store" : "converted",
    generation,
    advice: generation === null ? "nothing to do" : wayBack(given, generation),
  };
}

/** An empty legacy file does not tell its generation: where the store holds records by now, a rollback has to be told. */
function wayBack(given: string, generation: string): string {
  const command = `back with: espalier migrate rollback ${shellWord(given)}`;
  return generation === "unknown" ? `${command} --to and the generation that its program reads` : command;
}

function generationOf(vfs: Vfs, path: string): string | null {
  const file = vfs.open(path, "read");
  try {
    const head = new Uint8Array(Math.min(RECOGNISE_BYTES, file.size()));
    const length = file.read(head, 0, head.length, 0);
    return recogniseLegacy(head.subarray(0, length), path) ?? null;
  } finally {
    file.close();
  }
}

function recordedGeneration(vfs: Vfs, path: string): string | null {
  const file = vfs.open(path, "read");
  try {
    const bytes = readCatalog(file, path).records.get(LEGACY_RECORD_NAME);
    return bytes === undefined ? null : decodeLegacyRecord(bytes, path).generation;
  } finally {
    file.close();
  }
}
