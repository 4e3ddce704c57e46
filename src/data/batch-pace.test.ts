import { expect, test } from "vitest";
import { BatchPace } from "./batch-pace.ts";

const paceOf = () => new BatchPace({ blockBatchBytesTarget: 1600, blockBatchesAtOnce: 4 });

test("it begins with little, and goes as far as the limits where batches are quick", () => {
  const pace = paceOf();
  expect([pace.bytesAtOnce, pace.batchBytes]).toEqual([800, 200]);
  for (const expected of [1600, 3200, 6400, 6400]) {
    pace.arrived(499);
    expect(pace.bytesAtOnce).toBe(expected);
  }
  expect(pace.batchBytes).toBe(1600);
});

test("it takes back what a slow way cannot carry, down to a sixteenth", () => {
  const pace = paceOf();
  pace.arrived(1);
  for (const expected of [800, 400, 400]) {
    pace.arrived(2001);
    expect(pace.bytesAtOnce).toBe(expected);
  }
});

test("what takes between half a second and two is left as it is", () => {
  const pace = paceOf();
  pace.arrived(500);
  pace.arrived(2000);
  expect(pace.bytesAtOnce).toBe(800);
});
