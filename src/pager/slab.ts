/**
 * The memory of a page pool. A large slab is the memory of a WebAssembly instance: the kernel zeroes it
 * as it is touched, and nobody can detach it through a view (P4).
 *
 * Slabs of closed stores are used again while the garbage collector has not taken them: a new one of
 * 128 MiB makes it collect everything, which costs more than opening a store does otherwise.
 */

import { OptionError } from "../base/errors.js";

/** From here on slabs are not detachable; a smaller one hands out no views. */
const FIXED_BYTES_MIN = 8 * 1024 * 1024;
const WASM_PAGE_BYTES = 65536;
/** Slabs of one size that are remembered. */
const KEPT_MAX = 4;

export interface Slab {
  readonly memory: ArrayBuffer;
  /** Whether views of it are safe to hand out. */
  readonly fixed: boolean;
  /** Whether a view of it was handed out, by this store or by one that had it before. */
  viewed: boolean;
}

/** The part of the host's globals that is used here; Node's type declarations leave it out. */
interface WasmHost {
  readonly WebAssembly: {
    readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  };
}

const kept: Map<number, { readonly memory: WeakRef<ArrayBuffer>; readonly viewed: boolean }[]> = new Map();

/** Memory of at least `bytes` bytes; what is in it is arbitrary. Throws OptionError where the host has not so much. */
export function takeSlab(bytes: number): Slab {
  if (bytes < FIXED_BYTES_MIN) return detachable(bytes);
  const list = kept.get(bytes);
  while (list !== undefined && list.length > 0) {
    const last = list.pop()!;
    const memory = last.memory.deref();
    if (memory !== undefined) return { memory, fixed: true, viewed: last.viewed };
  }
  const memory = allocateFixed(bytes);
  return memory === undefined ? detachable(bytes) : { memory, fixed: true, viewed: false };
}

function detachable(bytes: number): Slab {
  try {
    return { memory: new ArrayBuffer(bytes), fixed: false, viewed: false };
  } catch {
    throw new OptionError("cacheBytes", `this process can get no ${bytes} bytes of memory for the cache`);
  }
}

/** The slab's store is closed: nothing reads or writes it any more. */
export function returnSlab(bytes: number, slab: Slab): void {
  if (!slab.fixed) return;
  const list = (kept.get(bytes) ?? []).filter(({ memory }) => memory.deref() !== undefined);
  if (list.length < KEPT_MAX) list.push({ memory: new WeakRef(slab.memory), viewed: slab.viewed });
  kept.set(bytes, list);
}

function allocateFixed(bytes: number): ArrayBuffer | undefined {
  try {
    const pages = Math.ceil(bytes / WASM_PAGE_BYTES);
    const { Memory } = (globalThis as unknown as WasmHost).WebAssembly;
    return new Memory({ initial: pages, maximum: pages }).buffer;
  } catch {
    return undefined;
  }
}
