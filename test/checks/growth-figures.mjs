/** The growth section of a benchmark's results (`npm run bench -- --large growth --json FILE`), as a table and a figure. */

const CURVES = [
  { cells: "growth/get", figure: "gets", title: "get" },
  { cells: "growth/insert", figure: "steady", title: "insert, commit every 1,000" },
];
const ENGINES = ["espalier", "lmdb"];

/** [{ curve, engine, records, perSecond }] in order of the records. */
function pointsOf({ sections }) {
  const growth = sections.find(({ id }) => id === "growth");
  if (growth === undefined) throw new Error("the results have no section `growth`");
  const points = [];
  for (const curve of CURVES) {
    for (const { cell, entries } of growth.cells) {
      if (!cell.id.startsWith(`${curve.cells}/`)) continue;
      for (const engine of ENGINES) {
        const perSecond = entries.find(({ id }) => id === engine)?.figures?.[curve.figure];
        if (perSecond === undefined) throw new Error(`${cell.id} has no figure of ${engine}`);
        points.push({ curve, engine, records: cell.bed.records, perSecond });
      }
    }
  }
  return points.sort((a, b) => a.records - b.records);
}

/** Head and rows of the table. */
export function growthTable(results, rate) {
  const points = pointsOf(results);
  const columns = CURVES.flatMap((curve) => ENGINES.map((engine) => ({ curve, engine })));
  const of = ({ curve, engine }) => points.filter((each) => each.curve === curve && each.engine === engine);
  const sizes = [...new Set(points.map(({ records }) => records))];
  const rows = sizes.map((records) => [
    records.toLocaleString("en-US"),
    ...columns.map(
      (column) => `${rate(of(column).find((each) => each.records === records)?.perSecond ?? Number.NaN)}/s`,
    ),
  ]);
  const growths = columns.map((column) => {
    const curve = of(column);
    return (curve[0].perSecond / curve[curve.length - 1].perSecond).toFixed(1);
  });
  const head = ["records", "get", "lmdb's", "insert, commit every 1,000", "lmdb's"];
  return { head, rows: [...rows, ["growth of the cost", ...growths]] };
}

/** A Vega-Lite spec of the same. */
export function growthSpec(results) {
  const values = pointsOf(results).map(({ curve, engine, records, perSecond }) => ({
    work: curve.title,
    engine,
    records,
    microseconds: 1e6 / perSecond,
  }));
  return {
    $schema: "https://vega.github.io/schema/vega-lite/v6.json",
    background: "white",
    data: { values },
    facet: { column: { field: "work", title: null, sort: CURVES.map(({ title }) => title) } },
    spec: {
      width: 280,
      height: 200,
      mark: { type: "line", point: true },
      encoding: {
        x: {
          field: "records",
          type: "quantitative",
          scale: { type: "log" },
          axis: { format: "~s", values: [1e4, 1e5, 1e6, 1e7], title: "records" },
        },
        y: {
          field: "microseconds",
          type: "quantitative",
          scale: { type: "log" },
          title: "µs an operation",
        },
        color: { field: "engine", type: "nominal", sort: ENGINES, title: null },
      },
    },
  };
}
