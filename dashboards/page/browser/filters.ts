/**
 * The filter bar: chips to choose by, what is chosen kept in the address. A row that lacks a filter's field
 * passes it. Self-contained: the page inlines the text of this function.
 */

import type { Filter, PageElement, PageFilters, PageState, PageWindow, Payload } from "./types.js";

export function createFilters(window: PageWindow, payload: Payload, state: PageState): PageFilters {
  const { document } = window;
  /** Stands in the address for "all of them", where that is not what the page begins with. */
  const everything = "*";
  const chosen = new Map<string, ReadonlySet<string>>();
  const chips: { readonly field: string; readonly value: string; readonly button: PageElement }[] = [];

  /** Empty: nothing is filtered. */
  function choiceOf(filter: Filter): ReadonlySet<string> {
    const asked = state.all(filter.field);
    if (asked.includes(everything)) return new Set();
    return new Set(asked.length > 0 ? asked : filter.initial);
  }

  function read(): void {
    for (const filter of payload.filters) chosen.set(filter.field, choiceOf(filter));
    for (const { field, value, button } of chips) {
      const choice = chosen.get(field);
      const on = choice === undefined || choice.size === 0 || choice.has(value);
      button.setAttribute("aria-pressed", on ? "true" : "false");
    }
  }

  /** From everything, a click means "only this"; after that it adds and takes away. */
  function toggle(filter: Filter, value: string): void {
    const next = new Set(chosen.get(filter.field));
    if (next.has(value)) next.delete(value);
    else next.add(value);
    choose(filter, next.size === filter.values.length ? new Set() : next);
  }

  function choose(filter: Filter, values: ReadonlySet<string>): void {
    const asInitial =
      values.size === filter.initial.length && filter.initial.every((value) => values.has(value));
    state.set(filter.field, asInitial ? [] : values.size === 0 ? [everything] : [...values]);
  }

  function chip(filter: Filter, entry: Filter["values"][number]): PageElement {
    const button = document.createElement("button");
    button.className = "chip";
    button.dataset.filter = filter.field;
    button.dataset.value = entry.value;
    if (entry.color !== null) {
      const dot = document.createElement("span");
      dot.className = "dot";
      dot.style.setProperty("background", entry.color);
      button.append(dot);
    }
    button.append(entry.label);
    button.addEventListener("click", () => toggle(filter, entry.value));
    chips.push({ field: filter.field, value: entry.value, button });
    return button;
  }

  function group(filter: Filter): PageElement {
    const frame = document.createElement("div");
    frame.className = "filter";
    frame.setAttribute("role", "group");
    frame.setAttribute("aria-label", filter.title);
    const title = document.createElement("span");
    title.className = "filter-title";
    title.textContent = filter.title;
    const all = document.createElement("button");
    all.className = "chip all";
    all.textContent = "all";
    all.addEventListener("click", () => choose(filter, new Set()));
    frame.append(title, all, ...filter.values.map((entry) => chip(filter, entry)));
    return frame;
  }

  function passes(row: Record<string, string | number | null>): boolean {
    for (const [field, choice] of chosen) {
      const value = row[field];
      if (choice.size > 0 && value !== undefined && !choice.has(String(value))) return false;
    }
    return true;
  }

  document.querySelector("#filters")?.append(...payload.filters.map(group));
  read();
  state.onChange(read);
  return { passes };
}
