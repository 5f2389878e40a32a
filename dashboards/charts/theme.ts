/** The look of all charts, light and dark, as a Vega-Lite config. Colours of engines do not depend on it. */

import type { Config } from "vega-lite";

/** The colours of text and background. */
export type Theme = "light" | "dark";

interface Palette {
  readonly text: string;
  readonly muted: string;
  readonly grid: string;
  readonly background: string;
}

const PALETTES: Record<Theme, Palette> = {
  light: { text: "#1b1f24", muted: "#57606a", grid: "#e4e7eb", background: "#ffffff" },
  dark: { text: "#e6e9ed", muted: "#a2abb6", grid: "#2d343d", background: "#14181d" },
};

export const FONT = "system-ui, -apple-system, 'Segoe UI', 'Liberation Sans', Arial, sans-serif";

/** The config of a theme. A page draws its own background, so there the charts have none. */
export function chartConfig(theme: Theme, background: "own" | "none" = "own"): Config {
  const { text, muted, grid, background: paper } = PALETTES[theme];
  return {
    background: background === "own" ? paper : "transparent",
    font: FONT,
    padding: 6,
    axis: {
      labelColor: muted,
      titleColor: text,
      domainColor: grid,
      tickColor: grid,
      gridColor: grid,
      labelFontSize: 11,
      titleFontSize: 11,
      titleFontWeight: "normal",
      labelLimit: 260,
    },
    legend: {
      labelColor: text,
      titleColor: muted,
      titleFontWeight: "normal",
      labelFontSize: 11,
      titleFontSize: 11,
      orient: "top",
      columns: 4,
      labelLimit: 220,
      titleLimit: 400,
      symbolOpacity: 1,
      symbolStrokeWidth: 2,
    },
    header: { labelColor: text, titleColor: text, labelFontSize: 12 },
    title: { color: text, subtitleColor: muted },
    text: { color: text },
    rule: { color: muted },
    view: { stroke: grid },
  };
}
