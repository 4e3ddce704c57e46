import type { BandView } from "../../protocol/index.ts";
import { colourOf, type Palette, palette } from "../colours.ts";
import { count } from "../format.ts";
import { Canvas } from "./canvas.tsx";

const HEIGHT_PX = 52;
const NOW_PX = 6;
const FAILED_PX = 6;
const GAP_PX = 3;

const nowWords: Readonly<Record<string, string>> = {
  l: "leased",
  s: "leased twice, the first result wins",
  r: "being tried again",
  q: "answered, and waiting for more people's answers",
};

const nowColour = (now: string, { warn, accent, vote, info }: Palette): string =>
  ({ r: warn, s: accent, q: vote })[now] ?? info;

function paint(context: CanvasRenderingContext2D, width: number, band: BandView): void {
  const colours = palette();
  const bins = Math.max(1, Math.ceil(band.size / band.inputsPerBin));
  const top = NOW_PX + GAP_PX;
  const body = HEIGHT_PX - top - GAP_PX - FAILED_PX;
  context.fillStyle = colours.sunk;
  context.fillRect(0, top, width, body);
  let bin = 0;
  for (const [length, worker, done, failed, now] of band.runs) {
    const x = (bin * width) / bins;
    // A little wider, so that neighbours leave no seam.
    const span = (length * width) / bins + 0.4;
    if (done > 0) {
      context.fillStyle = colourOf(band.workers[worker] ?? "", colours.dark);
      const height = (body * done) / 100;
      context.fillRect(x, top + body - height, span, height);
    }
    if (failed > 0) {
      context.fillStyle = colours.bad;
      context.fillRect(x, HEIGHT_PX - FAILED_PX, Math.max(1.5, span), FAILED_PX);
    }
    if (now !== "") {
      context.fillStyle = nowColour(now, colours);
      context.fillRect(x, 0, Math.max(1.5, span), NOW_PX);
    }
    bin += length;
  }
}

function wordsAt(band: BandView, x: number, width: number): string {
  const bins = Math.max(1, Math.ceil(band.size / band.inputsPerBin));
  const at = Math.min(bins - 1, Math.floor((x * bins) / width));
  let bin = 0;
  for (const [length, worker, done, failed, now] of band.runs) {
    bin += length;
    if (at >= bin) continue;
    const first = at * band.inputsPerBin;
    const last = Math.min(band.size, first + band.inputsPerBin) - 1;
    const parts = [`Inputs ${count(first)} to ${count(last)}`, `${done} % done`];
    if (done > 0) parts.push(`most by ${band.workers[worker] || "the hub"}`);
    if (failed > 0) parts.push(`${failed} % failed`);
    if (now !== "") parts.push(nowWords[now] ?? "");
    return parts.join(", ");
  }
  return "";
}

const titles: Readonly<Record<BandView["kind"], string>> = {
  inputs: "Inputs",
  map: "Map",
  reduce: "Reduce",
};

/** A job's inputs as one band: above what goes on, in the middle who did it, below what failed. */
export function Band({ band }: { readonly band: BandView }) {
  const title = titles[band.kind];
  const label = `${title}: ${count(band.size)}, done by ${band.workers.filter((name) => name !== "").length} workers`;
  return (
    <figure class="band">
      <figcaption>
        <span>
          {title} 0 to {count(Math.max(0, band.size - 1))}
          {band.sealed ? "" : ", still growing"}
        </span>
        <span class="quiet">
          {band.inputsPerBin === 1 ? "each one a piece" : `${count(band.inputsPerBin)} in a piece`}
        </span>
      </figcaption>
      <Canvas
        height={HEIGHT_PX}
        label={label}
        draw={(context, width) => paint(context, width, band)}
        describe={(x, _, width) => wordsAt(band, x, width)}
      />
    </figure>
  );
}

/** What the colours of a band say. */
export function BandLegend({ votes }: { readonly votes: boolean }) {
  return (
    <ul class="legend">
      <li class="key-leased">leased</li>
      <li class="key-copy">second copy</li>
      <li class="key-retry">tried again</li>
      {votes && <li class="key-vote">in quorum</li>}
      <li class="key-failed">failed</li>
    </ul>
  );
}
