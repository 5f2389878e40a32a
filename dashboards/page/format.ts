/** Figures as the page's own text shows them. */

/** 1234567.8 as "1,234,568", 0.012345 as "0.01235"; a dash for what is not known. */
export function figure(value: number | null): string {
  if (value === null) return "–";
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(4)));
}

/** Bytes with a binary unit. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = value < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(value) / 10));
  return `${Number((value / 1024 ** power).toPrecision(3))} ${units[power] ?? "B"}`;
}

/** Milliseconds as minutes and seconds. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 60) return `${Number(seconds.toPrecision(3))} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** An ISO time as "2026-01-05 10:00 UTC". */
export function time(iso: string): string {
  return `${iso.slice(0, 16).replace("T", " ")} UTC`;
}
