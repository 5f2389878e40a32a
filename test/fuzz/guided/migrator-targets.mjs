/** What the migrator reads as targets: legacy files, and the journal of a conversion that has begun. */

import { crc32 } from "node:zlib";
import { bytesOf, diskWith, typed } from "./project.mjs";

/** The file of a legacy tree; `whole` is one as its engine left it. */
export function legacyTarget(project, name, whole) {
  const pageSize = new DataView(whole.buffer).getUint32(8);
  return {
    name,
    seeds: [whole],
    place(bytes, prng) {
      const page = prng.below(bytes.length / pageSize);
      const lot = prng.below(4);
      if (lot === 0) return page * pageSize + prng.below(32);
      if (lot < 3) return page * pageSize + 32 + prng.below(lot === 1 ? 60 : 600);
      return (page + 1) * pageSize - 1 - prng.below(400);
    },
    run(bytes) {
      const sealed = bytes.slice();
      sealLegacy(project, sealed, pageSize);
      const vfs = diskWith(project, { "/file.db": sealed });
      typed(project, () => project.salvageLegacy(vfs, "/file.db"));
      return typed(project, () => {
        const source = project.openLegacy(vfs, "/file.db");
        try {
          source.inspect();
        } finally {
          source.close();
        }
      });
    },
  };
}

function sealLegacy(project, bytes, pageSize) {
  if (bytes.length < pageSize) return;
  const seal = new project.PageSeal(pageSize, project.headerSalt(bytes.subarray(0, pageSize)));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let page = 0; (page + 1) * pageSize <= bytes.length; page++) {
    const part = bytes.subarray(page * pageSize, (page + 1) * pageSize);
    if (view.getUint32(page * pageSize) === 0x534f_4d42)
      view.setUint32(page * pageSize + 28, seal.checksum(part, page));
  }
}

/** The journal of a conversion in place that has begun, of the file `legacy`. */
export function journalTarget(project, legacy) {
  const vfs = diskWith(project, { "/file.db": legacy });
  const steps = project.convertInPlace(
    vfs,
    "/file.db",
    { verify: "none", assumeClosed: true },
    project.newResult("/file.db"),
    () => undefined,
  );
  for (let step = steps.next(); step.value?.phase === "check"; step = steps.next());
  const whole = bytesOf(project, vfs, "/file.db");
  steps.return();
  const trailer = new DataView(whole.buffer, whole.length - 512);
  const start = Number(trailer.getBigUint64(16, true));
  const slotBytes = trailer.getUint32(12, true);
  const headBytes = trailer.getUint32(24, true);
  const headAt = 2 * slotBytes;
  const head = JSON.parse(Buffer.from(whole.subarray(start + headAt, start + headAt + headBytes)).toString());
  return {
    name: "journal",
    seeds: [whole.slice(start)],
    place: (bytes, prng) => {
      const lot = prng.below(4);
      if (lot === 0) return bytes.length - 512 + prng.below(48);
      if (lot === 1) return prng.below(2) * slotBytes + prng.below(64);
      return headAt + prng.below(headBytes);
    },
    run(bytes) {
      const sealed = new Uint8Array(start + bytes.length);
      sealed.set(whole.subarray(0, start));
      sealed.set(bytes, start);
      sealJournal(sealed, start, slotBytes, headBytes, head.head.id);
      return typed(project, () => {
        const state = project.inspectFile(diskWith(project, { "/file.db": sealed }), "/file.db");
        if (state.kind === "migrating") project.fillFromProgram(state.program, project.newResult("/file.db"));
      });
    },
  };
}

function sealJournal(file, start, slotBytes, headBytes, id) {
  const view = new DataView(file.buffer);
  for (let slot = 0; slot < 2; slot++) {
    const at = start + slot * slotBytes;
    const length = Math.min(view.getUint32(at + 4, true), slotBytes - 28);
    view.setUint32(at, crc32(file.subarray(at + 4, at + 28 + length), crc32(id)), true);
  }
  const head = file.subarray(start + 2 * slotBytes, start + 2 * slotBytes + headBytes);
  for (const at of [0, file.length - 512]) {
    view.setUint32(at + 28, crc32(head), true);
    view.setUint32(at + 40, crc32(file.subarray(at, at + 40)), true);
  }
}
