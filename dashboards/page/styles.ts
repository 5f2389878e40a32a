/** The page's style sheet: light and dark, wide and narrow. */

export const STYLES = `
:root { --paper: #fff; --ground: #f5f6f8; --text: #1b1f24; --muted: #57606a; --line: #dfe3e8; --accent: #1668a7;
  --go: #0b6b45; --no-go: #a33a00; --open: #6b6200; color-scheme: light; }
:root[data-theme=dark] { --paper: #14181d; --ground: #0e1115; --text: #e6e9ed; --muted: #a2abb6; --line: #2d343d;
  --accent: #6cb6ee; --go: #3fc28e; --no-go: #ff9457; --open: #d8c84a; color-scheme: dark; }
* { box-sizing: border-box; }
html { scroll-padding-top: 3.6rem; }
body { margin: 0; background: var(--ground); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Arial, sans-serif; }
header { position: sticky; top: 0; z-index: 5; display: flex; gap: .3rem 1rem; align-items: center; padding: .45rem 1rem;
  background: var(--paper); border-bottom: 1px solid var(--line); }
header h1 { font-size: 1rem; margin: 0; white-space: nowrap; }
nav { display: flex; gap: .1rem; overflow-x: auto; flex: 1; scrollbar-width: thin; }
nav a { color: var(--text); text-decoration: none; padding: .25rem .55rem; border-radius: 6px; white-space: nowrap; }
nav a:hover { background: var(--ground); }
main { max-width: 1280px; margin: 0 auto; padding: 1rem; }
.part { margin-bottom: 2.2rem; }
h2 { font-size: 1.35rem; margin: 1.2rem 0 .2rem; outline: none; }
h3 { font-size: 1rem; margin: 0 0 .2rem; }
.about { color: var(--muted); margin: 0 0 .7rem; max-width: 78ch; }
figure, .facts, .bar { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; margin: 0 0 1rem;
  padding: 1rem; }
figure.empty { padding: .7rem 1rem; color: var(--muted); }
figure.empty h3 { color: var(--text); }
figure.empty p { margin: 0; }
figure .about { font-size: .88rem; }
.scroll { overflow-x: auto; }
.drawing { min-height: 120px; width: 100%; }
.drawing.single { min-width: 260px; }
.drawing .vega-embed { width: 100%; padding-right: 0; }
.drawing .vega-embed summary { opacity: .35; }
.controls { display: flex; flex-wrap: wrap; gap: .4rem 1rem; margin-bottom: .4rem; font-size: .88rem; color: var(--muted); }
.controls:empty, .more:empty { display: none; }
.more { margin: .5rem 0 0; font-size: .88rem; color: var(--muted); }
.controls label, select { max-width: 100%; }
select, button { font: inherit; color: var(--text); background: var(--paper); border: 1px solid var(--line);
  border-radius: 6px; padding: .15rem .55rem; cursor: pointer; }
button.link { border: 0; padding: 0; background: none; color: var(--accent); text-align: left; text-decoration: underline;
  overflow-wrap: anywhere; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.answer { display: flex; flex-wrap: wrap; align-items: baseline; gap: .2rem 1rem; padding: .8rem 1rem; border-radius: 10px;
  background: var(--paper); border: 1px solid var(--line); border-left: 8px solid var(--tone); margin-bottom: 1rem; }
.answer strong { font-size: 2rem; color: var(--tone); letter-spacing: .02em; }
.go { --tone: var(--go); } .no-go { --tone: var(--no-go); } .open { --tone: var(--open); }
.chip-answer { color: var(--tone); font-weight: 700; border: 1px solid var(--tone); border-radius: 6px; padding: 0 .5rem;
  white-space: nowrap; }
.cautions { margin: 0 0 1rem; padding: .6rem 1rem .6rem 2rem; border-radius: 10px; border: 1px solid var(--line);
  border-left: 8px solid var(--open); background: var(--paper); overflow-wrap: anywhere; }
.table { overflow: auto; max-height: 70vh; margin-bottom: 1rem; border: 1px solid var(--line); border-radius: 8px;
  background: var(--paper); }
table { border-collapse: collapse; width: 100%; font-size: .86rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td { overflow-wrap: break-word; min-width: 3.5rem; max-width: 40ch; }
thead th { position: sticky; top: 0; background: var(--ground); font-weight: 600; white-space: nowrap; }
th small { display: block; font-weight: normal; color: var(--muted); }
tbody th { font-weight: 600; min-width: 12rem; }
.table.whole { max-height: none; }
.gates td:last-child { min-width: 24rem; max-width: none; }
.number small { display: block; white-space: normal; max-width: 24ch; margin-left: auto; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.pass .mark { color: var(--go); } .fail .mark { color: var(--no-go); font-weight: 700; } .mark { white-space: nowrap; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 1rem 2rem; }
dl { display: grid; grid-template-columns: minmax(7rem, auto) 1fr; gap: .1rem .8rem; margin: 0; font-size: .88rem; }
dt { color: var(--muted); } dd { margin: 0; overflow-wrap: anywhere; }
.bar { padding: .6rem 1rem; }
.bar summary { cursor: pointer; font-weight: 600; }
.bar summary span { font-weight: normal; color: var(--muted); }
.filter { display: flex; flex-wrap: wrap; gap: .3rem; align-items: center; margin-top: .45rem; }
.filter-title { min-width: 7.5rem; color: var(--muted); font-size: .88rem; }
.chip { font-size: .84rem; border-radius: 999px; }
.chip[aria-pressed=false] { opacity: .5; text-decoration: line-through; }
.chip.all { border-style: dashed; }
.dot { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .4em; }
details.data { margin-top: .6rem; font-size: .88rem; }
details.data summary { cursor: pointer; color: var(--accent); }
details.data .table { margin-top: .5rem; }
dialog { border: 1px solid var(--line); border-radius: 12px; background: var(--paper); color: var(--text);
  width: min(760px, 94vw); max-height: 88vh; padding: 1rem 1.2rem; }
dialog::backdrop { background: #0009; }
dialog section { margin-top: 1rem; }
dialog dl { grid-template-columns: minmax(12rem, auto) 1fr; }
dialog .top { display: flex; justify-content: space-between; align-items: center; }
.cell-id { font-weight: 600; overflow-wrap: anywhere; margin: .3rem 0; }
.histogram { width: 100%; min-height: 130px; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--ground); padding: .6rem; border-radius: 6px; }
footer { color: var(--muted); font-size: .84rem; padding: 0 1rem 2rem; max-width: 1280px; margin: 0 auto; }
noscript p { padding: 1rem; }
@media (max-width: 640px) {
  body { font-size: 14px; }
  header { flex-wrap: wrap; padding: .4rem .6rem; }
  header h1 { flex: 1; }
  nav { order: 3; flex-basis: 100%; }
  html { scroll-padding-top: 5.2rem; }
  main { padding: .6rem; }
  figure { padding: .7rem .6rem; }
  .filter-title { flex-basis: 100%; min-width: 0; }
  dl, dialog dl { grid-template-columns: 1fr; } dd { margin-bottom: .35rem; }
  .gates, .gates tbody, .gates tr, .gates th, .gates td { display: block; }
  .gates thead { display: none; }
  .gates tr { border-bottom: 2px solid var(--line); padding: .3rem 0; }
  .gates th, .gates td { border: 0; padding: .1rem .7rem; text-align: left; min-width: 0; max-width: none; }
  .gates td:last-child { min-width: 0; }
  .gates td.number { white-space: normal; }
  .gates .number small { display: inline; margin: 0; }
  .gates td::before { content: attr(data-label) " "; color: var(--muted); }
}
@media print {
  header, .bar, details.data, .controls, .vega-embed summary { display: none; }
  figure { break-inside: avoid; }
  .drawing svg.marks, .drawing canvas.marks { max-width: 100%; height: auto !important; }
}
`;
