/** Code blocks of a Markdown page, by their language. */
export function blocksOf(page: string, language: string): string[] {
  const blocks: string[] = [];
  for (const match of page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)) {
    if (match[1] === language) blocks.push(match[2]!);
  }
  return blocks;
}
