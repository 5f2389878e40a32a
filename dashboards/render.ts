/**
 * Renders specs without a browser: Vega-Lite compiles, Vega draws to SVG, and resvg (an optional package)
 * turns that into PNG. Both Vegas are loaded with the first chart: one of their modules awaits at top level, and what
 * imports such a module cannot be had by `require()`.
 */

import type * as vega from "vega";
import type { TopLevelSpec } from "vega-lite";
import { PackageMissingError } from "../src/base/package-missing.js";
import { type Chart, standaloneSpec } from "./charts/chart.js";
import { chartConfig, type Theme } from "./charts/theme.js";
import { escapeHtml } from "./page/html.js";

/** Vega's scene, with the marks of a chart. */
export type Scene = ReturnType<vega.View["scenegraph"]>;

/** A chart as an image. */
export interface Rendered {
  readonly svg: string;
  /** What Vega-Lite or Vega had to say about the spec; empty for a sound one. */
  readonly warnings: readonly string[];
  readonly scene: Scene;
}

/** Compiles, runs and draws a spec. Throws what Vega throws for a spec that cannot be drawn. */
export async function renderSpec(spec: TopLevelSpec): Promise<Rendered> {
  const { parse, View, Warn } = await import("vega");
  const { compile } = await import("vega-lite");
  const warnings: string[] = [];
  const logger = collectingLogger(warnings, Warn);
  const compiled = compile(spec, { logger });
  const view = new View(parse(compiled.spec), { renderer: "none", logger });
  try {
    const svg = await view.toSVG();
    return { svg, warnings, scene: view.scenegraph() };
  } finally {
    view.finalize();
  }
}

/**
 * A chart as SVG, its title said once for assistive technology. Labels on every mark would treble the size of
 * an image that nobody can step through; the page has them, and the data as a table.
 */
export async function renderChart(chart: Chart, theme: Theme = "light"): Promise<Rendered> {
  const rendered = await renderSpec(standaloneSpec(chart, { ...chartConfig(theme), aria: false }));
  const svg = rendered.svg.replace("<svg ", `<svg role="img" aria-label="${escapeHtml(chart.title)}" `);
  return { ...rendered, svg };
}

/** SVG as PNG, `scale` times its size. Throws PackageMissingError. */
export async function svgToPng(svg: string, scale = 2): Promise<Uint8Array> {
  const { Resvg } = await loadResvg();
  return new Resvg(svg, { fitTo: { mode: "zoom", value: scale }, font: { loadSystemFonts: true } })
    .render()
    .asPng();
}

interface ImageOptions {
  readonly fitTo: { readonly mode: "zoom"; readonly value: number };
  readonly font: { readonly loadSystemFonts: boolean };
}

/** What is used of @resvg/resvg-js: declarations that named the package could not be checked where it is missing. */
interface Resvg {
  readonly Resvg: new (svg: string, options: ImageOptions) => { render(): { asPng(): Uint8Array } };
}

/** Throws PackageMissingError. */
export async function loadResvg(): Promise<Resvg> {
  try {
    return await import("@resvg/resvg-js");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new PackageMissingError("@resvg/resvg-js", { cause: error });
  }
}

function collectingLogger(warnings: string[], level: number): vega.LoggerInterface {
  const logger: vega.LoggerInterface = {
    level: ((other?: number) => (other === undefined ? level : logger)) as vega.LoggerInterface["level"],
    error: (...args) => {
      warnings.push(args.map(String).join(" "));
      return logger;
    },
    warn: (...args) => {
      warnings.push(args.map(String).join(" "));
      return logger;
    },
    info: () => logger,
    debug: () => logger,
  };
  return logger;
}
