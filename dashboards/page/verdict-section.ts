/** The first section: the verdict, each gate, the runs compared, and the environment. */

import type { DashboardData } from "../data/model.js";
import { type Verdict, verdictOf } from "../data/verdict.js";
import type { GateResult, RunDocument } from "../documents/matrix-run.js";
import { bytes, duration, figure, time } from "./format.js";
import { html, type Markup } from "./html.js";

export function verdictSection(data: DashboardData): Markup {
  const verdict = verdictOf(data);
  return html`<section id="verdict" class="part">
<h2 tabindex="-1">Verdict</h2>
<div class="answer ${answerClass(verdict)}"><strong>${verdict.answer}</strong><span>${summary(verdict)}</span></div>
${cautionList(verdict)}
${gateTable(verdict)}
<div class="facts">${runFacts(data)}${data.run === null ? null : environmentFacts(data.run)}${migrationFacts(data)}</div>
</section>`;
}

/** The class that colours an answer. */
export function answerClass({ answer }: Verdict): string {
  return answer === "GO" ? "go" : answer === "NO-GO" ? "no-go" : "open";
}

function summary({ gates, gatesFile }: Verdict): string {
  const broken = gates.filter(({ pass }) => !pass).length;
  const told =
    broken === 0 ? `All ${gates.length} gates are met.` : `${broken} of ${gates.length} gates are not met.`;
  return gates.length === 0
    ? "There is nothing to judge by."
    : `${told}${gatesFile === null ? "" : ` Gates: ${gatesFile}.`}`;
}

function cautionList({ cautions }: Verdict): Markup | null {
  if (cautions.length === 0) return null;
  return html`<ul class="cautions">${cautions.map((caution) => html`<li>${caution}</li>`)}</ul>`;
}

function gateTable({ gates }: Verdict): Markup | null {
  if (gates.length === 0) return null;
  const worstFirst = [...gates].sort((a, b) => Number(a.pass) - Number(b.pass));
  return html`<div class="table whole" tabindex="0"><table class="gates">
<thead><tr><th scope="col">Gate</th><th scope="col">Answer</th><th scope="col">Figure</th><th scope="col">Limit</th><th scope="col">Margin</th><th scope="col">Judged by</th></tr></thead>
<tbody>${worstFirst.map(gateRow)}</tbody></table></div>`;
}

function gateRow(gate: GateResult): Markup {
  const sign = gate.comparison === "at-most" ? "≤" : "≥";
  const cell =
    gate.cell === null ? null : html`<br><button class="link" data-cell="${gate.cell}">${gate.cell}</button>`;
  return html`<tr class="${gate.pass ? "pass" : "fail"}">
<th scope="row">${gate.title}<small>${gate.id}</small></th>
<td data-label=""><span class="mark">${gate.pass ? "✓ met" : "✕ not met"}</span></td>
<td class="number" data-label="Figure">${figure(gate.figure)} <small>${gate.unit}</small></td>
<td class="number" data-label="Limit">${sign} ${figure(gate.limit)}</td>
<td class="number" data-label="Margin">${gate.margin === null ? "–" : (gate.margin > 0 ? "+" : "") + figure(gate.margin)}</td>
<td data-label="Judged by">${gate.detail}${cell}</td></tr>`;
}

function factList(title: string, facts: readonly (readonly [string, string | null])[]): Markup {
  const known = facts.filter((fact): fact is readonly [string, string] => fact[1] !== null);
  return html`<div><h3>${title}</h3><dl>${known.map(([term, text]) => html`<dt>${term}</dt><dd>${text}</dd>`)}</dl></div>`;
}

function runFacts({ run, before, runs }: DashboardData): Markup | null {
  if (run === null) return null;
  const { id, label, preset, startedAt, durationMs, command, seed } = run.run;
  const count = (status: string): number => run.cells.filter((cell) => cell.status === status).length;
  const other = ["missing", "skipped", "failed", "timeout"].flatMap((status) =>
    count(status) === 0 ? [] : [`${count(status)} ${status}`],
  );
  return factList("Runs", [
    ["judged run", label ? `${id} (${label})` : id],
    ["compared with", before === null ? "no other run" : before.run.id],
    ["runs in the history", String(runs.length)],
    ["started", `${time(startedAt)}, took ${duration(durationMs)}`],
    ["preset, rounds, seed", `${preset}, ${run.settings.rounds}, ${seed}`],
    ["cells", [`${count("ok")} measured`, ...other].join(", ")],
    ["repeat it", command],
  ]);
}

function environmentFacts({ environment, noise }: RunDocument): Markup {
  const { cpu, memoryBytes, disk, os, runtime, espalier, peers, loadAtStart, loadAtEnd } = environment;
  const load = (values: readonly number[]): string => values.map((value) => value.toFixed(1)).join(" ");
  const interval = noise.medianRelativeInterval;
  return factList("Environment", [
    ["processor", `${cpu.model}, ${cpu.cores} cores`],
    ["memory", bytes(memoryBytes)],
    ["disk", [disk.fileSystem, disk.device, disk.model].filter((part) => part !== null).join(", ") || null],
    ["mount options", disk.mountOptions],
    ["system", `${os.platform} ${os.kernel}`],
    ["runtime", `${runtime.name} ${runtime.version}, V8 ${runtime.v8}`],
    [
      "espalier",
      `${espalier.version}${espalier.gitCommit === null ? "" : `, commit ${espalier.gitCommit.slice(0, 10)}`}`,
    ],
    [
      "peers",
      Object.entries(peers)
        .map(([name, version]) => `${name} ${version}`)
        .join(", ") || null,
    ],
    ["load at start, at end", `${load(loadAtStart)}, ${load(loadAtEnd)}`],
    [
      "noise",
      interval === null
        ? noise.verdict
        : `${noise.verdict}; median interval ±${figure((interval / 2) * 100)} %`,
    ],
  ]);
}

function migrationFacts({ migrations }: DashboardData): Markup | null {
  if (migrations.length === 0) return null;
  return factList(
    "Migrations",
    migrations.map(({ run, files }) => [
      run.id,
      `${run.action}, ${run.strategy}, verify ${run.verify}: ${files.length} files` +
        `${run.complete ? "" : ", not complete"}, ${duration(run.durationMs)}`,
    ]),
  );
}
