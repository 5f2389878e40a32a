/** Plans for a person to read. */

import { printable } from "../src/commands/support/formats.js";
import { bytes, count, duration, paint, pairs } from "../src/commands/support/output.js";
import type { FilePlan, SizeSpan } from "./plan-steps.js";

/** All plans, and a line that counts those that are possible where they are several. */
export function plansText(plans: readonly FilePlan[]): string {
  const texts = plans.map(planText);
  if (texts.length === 1) return texts[0]!;
  const possible = plans.filter((plan) => plan.possible).length;
  return [...texts, `${count(possible)} of ${count(plans.length)} can be converted`].join("\n\n");
}

function planText(plan: FilePlan): string {
  const verdict = plan.possible ? paint("green", "can be converted") : paint("red", "can't be converted");
  const rows: [string, string][] = [];
  const add = (label: string, value: string | null): void => {
    if (value !== null) rows.push([`  ${label}`, printable(value)]);
  };
  add("format", formatOf(plan));
  if (plan.records !== null) add("records", count(plan.records));
  if (plan.trees.length > 1) add("trees", plan.trees.join(", "));
  add("keys", spanOf(plan.keyBytes));
  add("values", spanOf(plan.valueBytes));
  if (plan.logFrames !== null && plan.logFrames > 0)
    add("log", `${count(plan.logFrames)} frames to be applied`);
  add(
    "page size",
    change(plan.pageSize, (size) => `${size}`),
  );
  add("pages", change(plan.pages, count));
  add("size", change(plan.bytes, bytes));
  if (plan.extraBytes !== null) add("extra disk", `${bytes(plan.extraBytes)} on the way`);
  if (plan.estimatedMs !== null && plan.possible) add("time", `about ${duration(plan.estimatedMs)}`);
  add("content", plan.digest);
  for (const line of plan.healed) add("healed", line);
  for (const line of plan.notes) add("note", line);
  for (const line of plan.reasons) add("reason", line);
  const head = `${printable(plan.path)}: ${verdict}`;
  return rows.length === 0 ? head : `${head}\n${pairs(rows)}`;
}

function formatOf(plan: FilePlan): string | null {
  if (plan.recognisedBy === null) return plan.from;
  return plan.from === null ? plan.recognisedBy : `${plan.from}: ${plan.recognisedBy}`;
}

function spanOf(span: SizeSpan | null): string | null {
  if (span === null) return null;
  return span.min === span.max ? `${span.min} bytes` : `${span.min} to ${span.max} bytes`;
}

function change(
  { before, after }: { readonly before: number | null; readonly after: number | null },
  show: (value: number) => string,
): string | null {
  if (before === null) return null;
  return after === null || after === before ? show(before) : `${show(before)} → ${show(after)}`;
}
