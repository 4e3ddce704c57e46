import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Outcome, PictureSize } from "../../client/browser.ts";
import { useHub, wordsOf } from "../hub.ts";
import { Painting } from "./painting.ts";

/** What came in the first moment was there before. */
const EARLIER_MS = 700;

export interface Seen {
  readonly painting: Painting | undefined;
  /** Why no more comes, in words; empty where all is well. */
  readonly failure: string;
}

async function paintAll(
  results: AsyncIterable<Outcome<unknown>>,
  painting: Painting,
  changed: () => void,
): Promise<void> {
  const begunMs = performance.now();
  for await (const outcome of results) {
    const nowMs = performance.now();
    painting.add(outcome, nowMs - begunMs < EARLIER_MS ? Number.NEGATIVE_INFINITY : nowMs);
    changed();
  }
}

/** Paints a job's results onto a canvas as they come; asks for one drawing a frame at most. */
export function usePainting(
  job: string,
  { width, height }: PictureSize,
  canvas: RefObject<HTMLCanvasElement | null>,
): Seen {
  const { cluster } = useHub();
  const [painting, setPainting] = useState<Painting>();
  const [failure, setFailure] = useState("");
  const [, draw] = useState(0);
  const frame = useRef(0);
  useEffect(() => {
    const context = canvas.current?.getContext("2d");
    if (context === null || context === undefined) return;
    const stop = new AbortController();
    const fresh = new Painting({ width, height }, context);
    setPainting(fresh);
    const changed = () => {
      frame.current ||= requestAnimationFrame(() => {
        frame.current = 0;
        draw((number) => number + 1);
      });
    };
    const results = cluster.job(job).results({ signal: stop.signal });
    paintAll(results, fresh, changed).catch((error: unknown) => {
      // How a job ended says its own line.
      const { code } = error as { code?: string };
      if (!stop.signal.aborted && code !== "JOB_CANCELLED" && code !== "JOB_BROKEN")
        setFailure(wordsOf(error));
    });
    return () => {
      stop.abort();
      cancelAnimationFrame(frame.current);
      frame.current = 0;
    };
  }, [cluster, job, width, height, canvas]);
  return { painting, failure };
}
