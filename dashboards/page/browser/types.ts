/**
 * Types of the page's script: what the page hands it, and the little of the browser that it touches. The
 * browser's own types would be visible in all of the store's code, so they are stated here instead.
 */

import type { Column, Layout } from "../../charts/chart.js";
import type { PackedTable } from "../pack.js";

export type Value = string | number | null;
export type PageRow = Record<string, Value>;

export interface PageChart {
  readonly name: string;
  readonly title: string;
  readonly layout: Layout;
  readonly columns: readonly Column[];
  readonly spec: PageSpec;
  readonly table: PackedTable;
}

/** What a reader may choose in a chart. */
export interface PageParam {
  readonly name: string;
  readonly value: Value;
  readonly bind?: { options: readonly string[]; name: string };
}

/** The parts of a Vega-Lite spec that a page changes. */
export interface PageSpec {
  facet?: { field: string; sort?: readonly string[]; header?: object };
  columns?: number;
  width?: number | string | object;
  height?: number | object;
  autosize?: object;
  spec?: { width?: number | string | object };
  params?: readonly PageParam[];
  datasets?: Record<string, readonly PageRow[]>;
}

export interface Filter {
  readonly field: string;
  readonly title: string;
  readonly values: readonly {
    readonly value: string;
    readonly label: string;
    readonly color: string | null;
  }[];
  /** What is chosen until the reader chooses; empty for everything. */
  readonly initial: readonly string[];
}

/** A Vega-Lite config, as far as the page changes it. */
export interface PageConfig {
  readonly legend?: object;
}

export interface Payload {
  readonly texts: readonly string[];
  readonly facts: PackedTable;
  readonly details: PackedTable;
  readonly charts: readonly PageChart[];
  readonly filters: readonly Filter[];
  readonly configs: { readonly light: PageConfig; readonly dark: PageConfig };
}

export interface PageEvent {
  readonly target: PageElement;
  readonly key?: string;
  preventDefault(): void;
}

export interface PageElement {
  textContent: string | null;
  className: string;
  id: string;
  hidden: boolean;
  open: boolean;
  value: string;
  checked: boolean;
  disabled: boolean;
  readonly clientWidth: number;
  readonly dataset: Record<string, string | undefined>;
  readonly style: { setProperty(name: string, value: string): void };
  append(...children: (PageElement | string)[]): void;
  before(...siblings: (PageElement | string)[]): void;
  replaceChildren(...children: (PageElement | string)[]): void;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  closest(selector: string): PageElement | null;
  scrollIntoView(options?: object): void;
  focus(): void;
  showModal(): void;
  close(): void;
}

export interface PageDocument {
  readonly documentElement: PageElement;
  createElement(name: string): PageElement;
  querySelector(selector: string): PageElement | null;
  querySelectorAll(selector: string): Iterable<PageElement>;
  addEventListener(type: string, listener: (event: PageEvent) => void): void;
}

export interface VegaView {
  finalize(): void;
  addEventListener(
    type: string,
    listener: (event: object, item: { datum?: PageRow | null } | null | undefined) => void,
  ): void;
}

export interface PageWindow {
  readonly document: PageDocument;
  readonly location: { hash: string; readonly pathname: string; readonly search: string };
  readonly history: { replaceState(state: null, title: string, url: string): void };
  readonly navigator: { readonly clipboard?: { writeText(text: string): Promise<void> } };
  matchMedia(query: string): { readonly matches: boolean };
  addEventListener(type: string, listener: () => void): void;
  setTimeout(callback: () => void, ms: number): number;
  clearTimeout(handle: number | undefined): void;
  readonly URLSearchParams: new (
    text?: string,
  ) => {
    get(name: string): string | null;
    getAll(name: string): string[];
    set(name: string, value: string): void;
    append(name: string, value: string): void;
    delete(name: string): void;
    toString(): string;
  };
  readonly IntersectionObserver: new (
    callback: (entries: { readonly target: PageElement; readonly isIntersecting: boolean }[]) => void,
    options?: object,
  ) => { observe(element: PageElement): void };
  readonly ResizeObserver: new (callback: () => void) => { observe(element: PageElement): void };
  vegaEmbed(element: PageElement, spec: object, options: object): Promise<{ readonly view: VegaView }>;
}

/** Reads and writes what the address says. */
export interface PageState {
  get(name: string): string | null;
  all(name: string): string[];
  set(name: string, values: readonly string[]): void;
  onChange(listener: (name: string) => void): void;
}

/** Rows of the page, and tables that show them. */
export interface PageTables {
  unpack(table: PackedTable): PageRow[];
  build(columns: readonly Column[], rows: readonly PageRow[]): PageElement;
  format(value: Value | undefined): string;
}

export interface PageFilters {
  passes(row: PageRow): boolean;
}

export interface PageDrilldown {
  open(cell: string): void;
}
