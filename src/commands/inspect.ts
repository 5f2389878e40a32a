/** `espalier inspect`: how full and how fragmented a file is, page by page; `--page` draws one page. */

import type { CommandModule } from "yargs";
import { childAt, separatorOf } from "../page/branch.js";
import { slotCount } from "../page/leaf.js";
import { AT_HOLES, AT_KIND, AT_LEVEL, AT_TAIL, KIND_FREE_LIST, KIND_LEAF } from "../pager/page-header.js";
import { drawBytes, pictureOf } from "./pages/draw-leaf.js";
import { inspectFile } from "./pages/inspect-file.js";
import { PageSource } from "./pages/page-source.js";
import { PAGE_OVERFLOW, surveyStore } from "./pages/survey.js";
import { command, type FileArgument, type JsonArgument, withFile, withJson } from "./support/command.js";
import { EXIT_CORRUPTION, UsageError } from "./support/exit-codes.js";
import { bytes, count, note, pairs, percent, print, printJson, table } from "./support/output.js";

interface InspectArguments extends FileArgument, JsonArgument {
  readonly page: number | undefined;
}

export const inspectCommand: CommandModule = command<InspectArguments>({
  command: "inspect <file>",
  describe: "Draw fill and fragmentation over the file, or one page of it",
  builder: (yargs) =>
    withJson(withFile(yargs))
      .option("page", {
        alias: "p",
        type: "number",
        describe: "Draw this page: records, holes, tail and slots",
      })
      .example("$0 inspect data.esp", "The whole file")
      .example("$0 inspect data.esp --page 7", "One leaf, byte for byte")
      .epilogue("A damaged store is drawn as far as it can be read; exit code 4 then."),
  handler: ({ file, page, json }) => {
    if (Number.isNaN(page)) throw new UsageError("--page needs the number of a page");
    const source = new PageSource(file);
    try {
      if (source.trouble !== undefined) {
        process.exitCode = EXIT_CORRUPTION;
        note(`The data file alone is read: ${source.trouble.message}`);
      }
      if (page === undefined) inspectFile(source, json);
      else inspectPage(source, page, json);
    } finally {
      source.close();
    }
  },
});

function inspectPage(source: PageSource, page: number, json: boolean): void {
  if (!Number.isInteger(page) || page < 0 || page >= source.pageCount)
    throw new UsageError(`--page ${page}: the file has pages 0 to ${source.pageCount - 1}`);
  const place = placeOf(source, page);
  if (place !== undefined) {
    if (json) printJson({ page, kind: place });
    else print(`page ${page}: ${place}`);
    return;
  }
  const problem = source.load(page);
  const kind = source.pool.u8[AT_KIND]!;
  if (problem !== undefined) {
    process.exitCode = EXIT_CORRUPTION;
    if (json) printJson({ page, kind: "damaged or overflow", problem });
    else
      print(
        `page ${page} is damaged, or part of an overflow value: ${problem.reason} (${problem.invariant})`,
      );
  } else if (kind === KIND_LEAF) drawLeaf(source, page, json);
  else drawBranch(source, page, json);
}

/** What a page is that has no tree page's form by right. */
function placeOf(source: PageSource, page: number): string | undefined {
  if (page < source.firstPage) return "header";
  if (source.free?.has(page) === true) {
    source.load(page);
    return source.pool.u8[AT_KIND] === KIND_FREE_LIST ? "free list" : "free";
  }
  const survey = surveyStore(source);
  return survey.kinds[page] === PAGE_OVERFLOW ? "part of an overflow value" : undefined;
}

function drawLeaf(source: PageSource, page: number, json: boolean): void {
  const picture = pictureOf(source.pool);
  if (json) {
    printJson({ page, kind: "leaf", ...picture });
    return;
  }
  const { pageSize, slots, usedBytes, holeBytes, tailBytes, lowHex, highHex, prefixHex } = picture;
  print(
    pairs([
      ["page", `${page}, a leaf of ${bytes(pageSize)} with ${count(slots.length)} records`],
      ["low fence", lowHex === "" ? "(none: from the first key on)" : fence(lowHex)],
      ["high fence", highHex === "" ? "(none: to the last key)" : fence(highHex)],
      ["prefix", prefixHex === "" ? "(none)" : `${fence(prefixHex)}, cut from every key`],
      ["in use", `${bytes(usedBytes)} (${percent(usedBytes, pageSize)})`],
      ["in holes", `${bytes(holeBytes)} (${percent(holeBytes, pageSize)})`],
      ["open tail", `${bytes(tailBytes)} (${percent(tailBytes, pageSize)})`],
    ]),
  );
  print("");
  for (const line of drawBytes(picture)) print(line);
  print("");
  const rows = slots.map(({ slot, head, offset, length, keyHex, valueBytes, overflowPage }) => [
    String(slot),
    head.toString(16).padStart(8, "0"),
    String(offset),
    String(length),
    shorten(fence(keyHex)),
    overflowPage === undefined ? bytes(valueBytes) : `${bytes(valueBytes)} at page ${overflowPage}`,
  ]);
  print(table(["slot", "head", "offset", "length", "key", "value"], rows));
}

const TEXT_CHARACTERS_MAX = 48;

/** Bytes as text where they are plain ASCII, else as hexadecimal. */
function fence(hexadecimal: string): string {
  const text = Buffer.from(hexadecimal, "hex").toString("latin1");
  return /^[\x20-\x7e]+$/.test(text) ? `"${text}"` : hexadecimal;
}

function shorten(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX - 1)}…`;
}

function drawBranch(source: PageSource, page: number, json: boolean): void {
  const { pool } = source;
  const slots = slotCount(pool, 0);
  const children = Array.from({ length: slots + 1 }, (_, i) => ({
    child: childAt(pool, 0, i),
    fromHex: i === 0 ? "" : Buffer.from(separatorOf(pool, 0, i - 1)).toString("hex"),
  }));
  const level = pool.u8[AT_LEVEL]!;
  if (json) {
    printJson({ page, kind: "branch", level, children });
    return;
  }
  const [tail, holes] = [pool.u16[AT_TAIL >> 1]!, pool.u16[AT_HOLES >> 1]!];
  print(
    `page ${page}, a branch at level ${level} with ${count(slots + 1)} children; tail at ${tail}, ${bytes(holes)} in holes\n`,
  );
  const rows = children.map(({ child, fromHex }, i) => [
    String(i),
    i === 0 ? "(the lowest keys)" : shorten(fence(fromHex)),
    String(child),
  ]);
  print(table(["child", "keys from", "page"], rows));
}
