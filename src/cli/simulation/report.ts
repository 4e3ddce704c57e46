import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { SimulationResult, SlotTime, Study } from "../../simulator/index.ts";
import { count, duration, rate } from "../render/format.ts";
import { pageScript } from "./page-script.ts";
import { pageStyle } from "./page-style.ts";

/** Slot time in the order of its bars; the names are those of `SlotTime`. */
const parts: readonly (readonly [keyof SlotTime, string])[] = [
  ["useful", "useful"],
  ["overhead", "starts and checkpoints"],
  ["crashed", "lost with its machine"],
  ["duplicate", "somebody was faster"],
  ["retried", "failed, tried again"],
  ["checking", "replicas and checks"],
  ["corrupted", "wrong results"],
  ["unfinished", "still running"],
  ["idle", "idle"],
];

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escapeHtml = (text: string): string => text.replace(/[&<>"]/g, (character) => escapes[character]!);

const total = (slotTime: SlotTime): number => Object.values(slotTime).reduce((sum, part) => sum + part, 0);
const inPercent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const makespanOf = ({ makespanMs }: SimulationResult): string =>
  makespanMs === null ? "not ended" : duration(makespanMs);

const wasteOf = ({ slotTime: { crashed, duplicate, retried, corrupted } }: SimulationResult): number =>
  crashed + duplicate + retried + corrupted;

/** Waste as a share of the busy time. */
function wasteShare(result: SimulationResult): number {
  const busy = total(result.slotTime) - result.slotTime.idle;
  return busy > 0 ? wasteOf(result) / busy : 0;
}

/** A page about a study: one HTML file with everything in it, the same bytes for the same results. */
export function renderReport(study: Study, results: readonly SimulationResult[]): string {
  const { resolve } = createRequire(import.meta.url);
  // Drawn in the reader's browser by uPlot, which goes into the page.
  const chartStyle = readFileSync(resolve("uplot/dist/uPlot.min.css"), "utf8");
  const chartScript = readFileSync(resolve("uplot/dist/uPlot.iife.min.js"), "utf8");
  const data = results.map(({ scenario, series }) => ({ scenario, series }));
  const { seed, version } = results[0]!;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(study.name)}</title>
<style>${chartStyle}${pageStyle}</style>
</head>
<body>
<header>
<p class="kicker">Musketeers · simulation</p>
<h1>${escapeHtml(study.name)}</h1>
${study.description === undefined ? "" : `<p class="lead">${escapeHtml(study.description)}</p>`}
<p class="facts">seed ${seed} · version ${escapeHtml(version)} · the real scheduler on a virtual clock</p>
</header>
<main>
${violations(results)}
${results.length === 1 ? tiles(results[0]!) : comparison(results)}
${slotTimes(results)}
${timeSection(results)}
${results.map((result) => makespans(result, results.length > 1)).join("")}
${results.map((result) => whoDidWhat(result, results.length > 1)).join("")}
</main>
<script type="application/json" id="data">${JSON.stringify(data).replaceAll("<", "\\u003c")}</script>
<script>${chartScript}</script>
<script>${pageScript}</script>
</body>
</html>
`;
}

const section = (title: string, body: string, note = ""): string =>
  `<section><h2>${title}</h2>${note === "" ? "" : `<p class="note">${note}</p>`}${body}</section>\n`;

function violations(results: readonly SimulationResult[]): string {
  const found = results.flatMap((result) =>
    result.violations.map(
      ({ kind, message, step }) =>
        `<li><b>${kind}</b> in ${escapeHtml(result.scenario)}, step ${count(step)}: ${escapeHtml(message)}</li>`,
    ),
  );
  return found.length === 0
    ? ""
    : `<section class="bad"><h2>Went wrong</h2><ul>${found.join("")}</ul></section>`;
}

function tiles(result: SimulationResult): string {
  const { messagesPerSecond, peaks } = result;
  const facts: readonly (readonly [string, string, string])[] = [
    ["Makespan", makespanOf(result), "until the last job ended"],
    ["Inputs", count(result.inputsDone), `of ${count(result.inputs)}; ${count(result.inputsFailed)} failed`],
    ["Utilisation", inPercent(result.utilisation), "of the slots that were there"],
    ["Waste", inPercent(wasteShare(result)), "of the busy time"],
    ["The hub carries", rate(messagesPerSecond.mean), `messages; at most ${rate(messagesPerSecond.peak)}`],
    ["Workers", count(peaks.workers), `with ${count(peaks.slots)} slots at most`],
  ];
  const boxes = facts.map(
    ([name, value, note]) =>
      `<div class="tile"><span>${name}</span><strong>${value}</strong><small>${note}</small></div>`,
  );
  return `<section class="tiles">${boxes.join("")}</section>\n`;
}

function comparison(results: readonly SimulationResult[]): string {
  const longest = Math.max(1, ...results.map(({ makespanMs }) => makespanMs ?? 0));
  const most = Math.max(0.001, ...results.map(wasteShare));
  const rows = results.map(
    (result) => `<tr><th scope="row">${escapeHtml(result.scenario)}</th>
<td>${meter((result.makespanMs ?? 0) / longest, makespanOf(result))}</td>
<td>${meter(result.utilisation, inPercent(result.utilisation))}</td>
<td>${meter(wasteShare(result) / most, inPercent(wasteShare(result)), "warm")}</td>
<td class="number">${rate(result.messagesPerSecond.mean)}</td>
<td class="number">${count(result.leases)}</td></tr>`,
  );
  return section(
    "Compared",
    `<div class="scroll"><table><thead><tr><th></th><th>Makespan</th><th>Utilisation</th><th>Waste of busy time</th><th>Messages</th><th>Leases</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`,
  );
}

const meter = (share: number, text: string, kind = ""): string =>
  `<div class="meter ${kind}"><i style="width:${(100 * Math.min(1, share)).toFixed(1)}%"></i><span>${text}</span></div>`;

function slotTimes(results: readonly SimulationResult[]): string {
  const seen = parts.filter(([part]) => results.some(({ slotTime }) => slotTime[part] > 0));
  const bars = results.map(({ scenario, slotTime }) => {
    const all = total(slotTime) || 1;
    const pieces = seen.map(([part, label]) => {
      const share = slotTime[part] / all;
      return `<i class="${part}" style="width:${(100 * share).toFixed(3)}%" title="${label}: ${inPercent(share)}"></i>`;
    });
    const label = results.length > 1 ? `<span>${escapeHtml(scenario)}</span>` : "";
    return `<div class="bar">${label}<div>${pieces.join("")}</div></div>`;
  });
  const [only] = results.length === 1 ? results : [];
  const legend = seen.map(([part, label]) => {
    const share =
      only === undefined ? "" : ` <b>${inPercent(only.slotTime[part] / (total(only.slotTime) || 1))}</b>`;
    return `<li><i class="${part}"></i>${label}${share}</li>`;
  });
  return section("Where slot time went", `${bars.join("")}<ul class="legend">${legend.join("")}</ul>`);
}

function timeSection(results: readonly SimulationResult[]): string {
  const options = results.map(({ scenario }, at) => `<option value="${at}">${escapeHtml(scenario)}</option>`);
  const choice =
    results.length > 1 ? `<label>Case <select id="case">${options.join("")}</select></label>` : "";
  return section("Over time", `${choice}<div id="charts"></div>`, "Drag to zoom, double-click for all.");
}

const BINS = 24;

function makespans({ scenario, jobs, makespanQuantiles }: SimulationResult, isOneOfMany: boolean): string {
  const ended = jobs.flatMap(({ makespanMs }) => (makespanMs === null ? [] : [makespanMs]));
  if (ended.length < 2 || makespanQuantiles === null) return "";
  const { min, max, p50, p90, p99 } = makespanQuantiles;
  const bins = Array<number>(BINS).fill(0);
  for (const value of ended)
    bins[Math.min(BINS - 1, Math.floor((BINS * (value - min)) / (max - min || 1)))]!++;
  const tallest = Math.max(...bins);
  const bars = bins.map(
    (number, at) =>
      `<i style="height:${((100 * number) / tallest).toFixed(1)}%" title="${count(number)} jobs from ${duration(min + (at * (max - min)) / BINS)}"></i>`,
  );
  return section(
    `Makespans of ${count(ended.length)} jobs${isOneOfMany ? `: ${escapeHtml(scenario)}` : ""}`,
    `<div class="histogram">${bars.join("")}</div><div class="ends"><span>${duration(min)}</span><span>${duration(max)}</span></div>`,
    `Half end within ${duration(p50)}, nine of ten within ${duration(p90)}, all but one in a hundred within ${duration(p99)}.`,
  );
}

function whoDidWhat({ scenario, populations, inputsDone }: SimulationResult, isOneOfMany: boolean): string {
  const rows = populations.map((population) => {
    const { nodes, slots, onlineSlotMs, busySlotMs, crashes, connects } = population;
    const done = inputsDone > 0 ? population.inputsDone / inputsDone : 0;
    const busy = onlineSlotMs > 0 ? busySlotMs / onlineSlotMs : 0;
    return `<tr><th scope="row">${escapeHtml(population.population)}</th><td class="number">${count(nodes)}</td><td class="number">${count(slots)}</td>
<td>${meter(done, `${count(population.inputsDone)} (${inPercent(done)})`)}</td><td>${meter(busy, inPercent(busy))}</td>
<td class="number">${count(connects)}</td><td class="number">${count(crashes)}</td></tr>`;
  });
  return section(
    `Who did what${isOneOfMany ? `: ${escapeHtml(scenario)}` : ""}`,
    `<div class="scroll"><table><thead><tr><th></th><th>Nodes</th><th>Slots</th><th>Inputs done</th><th>Busy</th><th>Connects</th><th>Crashes</th></tr></thead><tbody>${rows.join("")}</tbody></table></div>`,
  );
}
