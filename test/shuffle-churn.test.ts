import { expect, test } from "vitest";
import type { StageProgress } from "../src/protocol/index.ts";
import { MortalHub } from "./support/mortal-hub.ts";
import { slowCount } from "./support/slow-count.ts";

/* Workers leave, and the hub dies, in the middle of a map-reduce. */

const LINES = 800;
const text = Array.from({ length: LINES }, (_, at) => `the ${at % 7} and the ${at % 200}\n`).join("");

const expected = new Map<string, number>();
for (const word of text.split(/[ \n]+/)) if (word !== "") expected.set(word, (expected.get(word) ?? 0) + 1);

test("the counts are right, and the files are byte for byte those of a calm run", async () => {
  const hub = await MortalHub.start({ adoptionWindowMs: 500, unitInputsMax: 2, prefetchUnitsMax: 0 });
  const first = await hub.worker({ name: "first" });
  const cluster = await hub.client();
  const input = await cluster.put(new TextEncoder().encode(text));
  const run = async (onProgress: (stages: readonly StageProgress[]) => void) => {
    let stages: readonly StageProgress[] = [];
    const counts = await cluster.mapReduce(slowCount, {
      input,
      segmentBytes: 512,
      onProgress: (progress) => {
        stages = progress.stages ?? stages;
        onProgress(stages);
      },
    });
    expect(new Map(await counts.toMap())).toEqual(expected);
    expect(stages).toMatchObject([{ kind: "map" }, { kind: "reduce", done: 4 }]);
    expect(stages[0]!.done).toBe(stages[0]!.size);
    return counts.partitions;
  };

  const second = await hub.worker({ name: "second" });
  const calm = await run(() => {});

  /** What happens when so many segments are mapped, or partitions reduced; each waits for the one before. */
  const events: [stage: "map" | "reduce", done: number, happens: () => Promise<unknown>][] = [
    ["map", 2, () => first.stop()],
    ["map", 4, () => hub.kill().then(() => hub.revive())],
    ["map", 8, () => hub.worker({ name: "third" })],
    ["map", 12, () => second.stop()],
    ["map", 16, () => hub.kill().then(() => hub.revive())],
    ["reduce", 1, () => hub.worker({ name: "fourth" })],
  ];
  let happening: Promise<unknown> = Promise.resolve();
  const stormy = await run((stages) => {
    const doneOf = (stage: string) => stages.find(({ kind }) => kind === stage)?.done ?? 0;
    for (let next = events[0]; next !== undefined && doneOf(next[0]) >= next[1]; next = events[0]) {
      events.shift();
      happening = happening.then(next[2]);
    }
  });
  await happening;
  expect(events).toEqual([]);
  expect(stormy).toEqual(calm);
}, 240_000);
