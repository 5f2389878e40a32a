/** The benchmark's figures in a Markdown document: between its marks, everything else stays as it is. */

import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { replaceFile } from "../../src/commands/support/replace-file.js";

const [BEGIN, END] = ["<!-- figures of npm run bench -->", "<!-- end of the figures -->"];

/** Throws RangeError for a document without the marks, which would be lost, and the file system's errors. */
export function assertTakesFigures(file: string): void {
  if (existsSync(file)) partsOf(file);
  else statSync(dirname(file));
}

/** Puts figures between the marks of a document; a file that is not there becomes one of them alone. */
export function writeFigures(file: string, figures: string): void {
  const [before, after] = existsSync(file) ? partsOf(file) : [BEGIN, `${END}\n`];
  replaceFile(file, `${before}\n\n${figures}\n${after}`);
}

/** What stands up to the first mark and from the second one on. */
function partsOf(file: string): [before: string, after: string] {
  const text = readFileSync(file, "utf8");
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (from >= 0 && to > from) return [text.slice(0, from + BEGIN.length), text.slice(to)];
  throw new RangeError(
    `${file} has no marks to write between: "${BEGIN}" and "${END}"; name a new file, or add them`,
  );
}
