/** Paths in commands that are proposed to a person, such that they can be pasted into a shell. */

const PLAIN = /^[\p{L}\p{N}_@%+=:,./-]+$/u;

/** As it is where a shell leaves it alone, else in quotes; never such that it is taken for an option. */
export function shellWord(path: string): string {
  return quoted(path.startsWith("-") ? `./${path}` : path);
}

/** The words of a command line as one line, options and all. */
export function shellLine(words: readonly string[]): string {
  return words.map(quoted).join(" ");
}

function quoted(word: string): string {
  if (PLAIN.test(word)) return word;
  if (process.platform === "win32") return `"${word}"`; // No file name holds a double quote there.
  return `'${word.replaceAll("'", "'\\''")}'`;
}
