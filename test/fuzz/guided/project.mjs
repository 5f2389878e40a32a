/** What the targets use of the project, and the files and errors of one input. */

/** Imports the compiled modules. */
export async function loadProject(load) {
  const { EspalierError, open } = await load("src/index.js");
  const { MemoryVfs } = await load("src/vfs/memory-vfs.js");
  const { FaultyVfs } = await load("src/vfs/faulty-vfs.js");
  const { FileBytes } = await load("src/vfs/file-bytes.js");
  const { readExactly } = await load("src/vfs/whole-io.js");
  const { openLegacy } = await load("migrate/legacy/legacy-file.js");
  const { salvageLegacy } = await load("migrate/legacy/salvage.js");
  const { PageSeal, headerSalt } = await load("migrate/legacy/page-check.js");
  const { convertInPlace, fillFromProgram } = await load("migrate/in-place-steps.js");
  const { newResult, RefusedError } = await load("migrate/results.js");
  const { inspectFile } = await load("migrate/file-state.js");
  return {
    EspalierError,
    open,
    MemoryVfs,
    FaultyVfs,
    FileBytes,
    readExactly,
    header: await load("src/pager/store-header.js"),
    pages: await load("src/pager/page-header.js"),
    log: await load("src/log/log-format.js"),
    openLegacy,
    salvageLegacy,
    PageSeal,
    headerSalt,
    convertInPlace,
    fillFromProgram,
    newResult,
    RefusedError,
    inspectFile,
  };
}

export function bytesOf({ readExactly }, vfs, path) {
  const file = vfs.open(path, "read");
  const bytes = new Uint8Array(file.size());
  readExactly(file, bytes, 0, bytes.length, 0);
  file.close();
  return bytes;
}

export function diskWith({ MemoryVfs, FileBytes }, files) {
  const vfs = new MemoryVfs();
  for (const [path, bytes] of Object.entries(files)) {
    const content = new FileBytes();
    content.write(bytes, 0, bytes.length, 0);
    vfs.place(path, "open", content);
  }
  return vfs;
}

/** Runs it; an error of espalier's own is an answer. */
export function typed({ EspalierError, RefusedError }, body) {
  try {
    body();
    return "sound";
  } catch (error) {
    if (error instanceof EspalierError || error instanceof RefusedError) return error.code ?? "refused";
    throw error;
  }
}
