/** What a command says on standard error of what went wrong: a line for a person, or JSON for a program. */

import { InterruptedError } from "./exit-codes.js";
import { printable } from "./formats.js";
import { note, paint } from "./output.js";

/** Says it. With `json`, as {"error": {"name", "message", ...}} with the fields that the error has. */
export function reportError(error: unknown, json: boolean): void {
  if (json) {
    note(JSON.stringify({ error: errorFields(error) }));
    return;
  }
  if (error instanceof InterruptedError) {
    note(error.message); // And what has become of the work so far, where that is part of it.
    return;
  }
  const message = error instanceof Error ? error.message : String(error);
  // It may quote names that a file holds.
  const lines = message.split("\n").map(printable).join("\n");
  note(`${paint("red", "espalier:", process.stderr)} ${lines}`);
  if (isDefect(error)) note((error as Error).stack?.split("\n").slice(1).join("\n") ?? "");
}

/** An error that no command means to throw is a defect of espalier, and its stack is worth seeing. */
function isDefect(error: unknown): boolean {
  return error instanceof TypeError || error instanceof ReferenceError;
}

function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const fields: Record<string, unknown> = { name: error.name, message: error.message };
  for (const [key, value] of Object.entries(error)) if (value !== undefined) fields[key] = value;
  return fields;
}
