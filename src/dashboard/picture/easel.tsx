import { useEffect, useRef, useState } from "preact/hooks";
import type { PictureSize } from "../../client/browser.ts";
import { colourOf } from "../colours.ts";
import { count, duration, plural, seconds } from "../format.ts";
import { Failure } from "../parts/basics.tsx";
import { drawMarks, type Marks } from "./marks.ts";
import type { Painted, Painting } from "./painting.ts";
import { usePainting } from "./use-painting.ts";

const isDark = () => matchMedia("(prefers-color-scheme: dark)").matches;

const nameOf = (worker: string): string => (worker === "" ? "the hub" : worker);

function wordsOn({ input, worker, tookMs }: Painted): string {
  const took = tookMs === undefined ? "" : `, ${tookMs < 60_000 ? seconds(tookMs) : duration(tookMs)}`;
  return `${nameOf(worker)}: part ${count(input + 1)}${took}`;
}

interface PaintersProps {
  readonly painting: Painting;
  readonly shown: string | undefined;
  readonly show: (worker: string | undefined) => void;
}

/** Who painted how much; whoever is pressed has their parts shown. */
function Painters({ painting, shown, show }: PaintersProps) {
  const painters = [...painting.counts].sort(([a, most], [b, many]) => many - most || (a < b ? -1 : 1));
  const dark = isDark();
  return (
    <ul class="painters" aria-label="Who painted it">
      {painters.map(([worker, parts]) => (
        <li key={worker}>
          <button
            type="button"
            aria-pressed={shown === worker}
            onClick={() => show(shown === worker ? undefined : worker)}
          >
            <span class="swatch" style={{ backgroundColor: colourOf(worker, dark) }} />
            {nameOf(worker)} <span class="quiet">{count(parts)}</span>
          </button>
        </li>
      ))}
    </ul>
  );
}

/** What is under the pointer, in words beside it. */
function Label({ part, size }: { readonly part: Painted; readonly size: PictureSize }) {
  const across = (part.x + part.width / 2) / size.width;
  const above = part.y > size.height / 8;
  return (
    <p
      class={`painter-label ${above ? "above" : "below"}`}
      style={{
        left: `${100 * across}%`,
        top: `${(100 * (above ? part.y : part.y + part.height)) / size.height}%`,
        // Never over the edge of the picture.
        translate: `${-100 * across}% ${above ? "-100%" : "0"}`,
        "--painter": colourOf(part.worker, isDark()),
      }}
    >
      {wordsOn(part)}
    </p>
  );
}

interface EaselProps {
  readonly job: string;
  readonly title: string;
  readonly size: PictureSize;
  /** Parts that there will be, so far as is known. */
  readonly parts: number;
}

/** A picture as its parts come, coloured by painter where the pointer is. */
export function Easel({ job, title, size, parts }: EaselProps) {
  const pixels = useRef<HTMLCanvasElement>(null);
  const over = useRef<HTMLCanvasElement>(null);
  const { painting, failure } = usePainting(job, size, pixels);
  const [pointed, setPointed] = useState<Painted>();
  const [pressed, setPressed] = useState<string>();
  const [everybody, setEverybody] = useState(false);
  const shown = pointed?.worker ?? pressed;
  const marks = useRef<Marks>({ pointed, shown, everybody });
  marks.current = { pointed, shown, everybody };
  useEffect(() => {
    if (painting === undefined || over.current === null) return;
    let frame = 0;
    const again = () => {
      const more = drawMarks(over.current!, painting, marks.current);
      frame = more ? requestAnimationFrame(again) : 0;
    };
    again();
    return () => cancelAnimationFrame(frame);
  });
  const point = (event: PointerEvent) => {
    const { clientWidth, clientHeight } = over.current!;
    const x = (event.offsetX * size.width) / clientWidth;
    const y = (event.offsetY * size.height) / clientHeight;
    setPointed(painting?.at(x, y));
  };
  const painted = painting?.parts.size ?? 0;
  const who = painting?.counts.size ?? 0;
  const words = `${title}: ${count(painted)} of ${plural(parts, "part")} painted by ${plural(who, "worker")}`;
  return (
    <figure class="easel">
      <div class="frame" style={{ aspectRatio: `${size.width} / ${size.height}` }}>
        <canvas ref={pixels} width={size.width} height={size.height} />
        <canvas
          ref={over}
          role="img"
          aria-label={words}
          onPointerMove={point}
          onPointerDown={point}
          onPointerLeave={() => setPointed(undefined)}
        />
        {pointed !== undefined && <Label part={pointed} size={size} />}
      </div>
      <figcaption>
        {painting !== undefined && <Painters painting={painting} shown={pressed} show={setPressed} />}
        <div class="actions">
          <button type="button" aria-pressed={everybody} onClick={() => setEverybody(!everybody)}>
            Colour by painter
          </button>
          <button type="button" disabled={painted === 0} onClick={() => save(pixels.current!, title)}>
            Save as PNG
          </button>
        </div>
      </figcaption>
      {(painting?.odd ?? 0) > 0 && (
        <p class="quiet">
          {plural(painting!.odd, "result")} of this job cannot be shown as a part of the picture.
        </p>
      )}
      <Failure text={failure} />
    </figure>
  );
}

function save(canvas: HTMLCanvasElement, title: string): void {
  canvas.toBlob((blob) => {
    if (blob === null) return;
    const href = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), {
      href,
      download: `${title.replace(/[^\w.-]+/g, "-")}.png`,
    }).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
  });
}
