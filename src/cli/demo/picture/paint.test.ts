import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { paint } from "./paint.ts";
import { largeCanvas, partsOf, smallCanvas } from "./parts.ts";

const tiny = { width: 48, height: 32, size: 16, grain: 1 };

const digestOf = (pixels: Uint8Array) => createHash("sha256").update(pixels).digest("hex").slice(0, 16);

test.each([largeCanvas, smallCanvas, tiny])("the parts of a picture cover it, each pixel once", (canvas) => {
  const { width, height, size } = canvas;
  const parts = partsOf(canvas);
  expect(parts.length * size * size).toBe(width * height);
  expect(new Set(parts.map(({ x, y }) => `${x} ${y}`)).size).toBe(parts.length);
  expect(parts.every(({ x, y }) => x % size === 0 && y % size === 0 && x < width && y < height)).toBe(true);
});

test("a part is the same pixels wherever it is painted, whatever was painted before", () => {
  const parts = partsOf(tiny);
  const forth = parts.map((part) => digestOf(paint(part)));
  const back = parts.toReversed().map((part) => digestOf(paint(part)));
  expect(back.toReversed()).toEqual(forth);
  expect(new Set(forth).size).toBe(parts.length);
  // Told to people of other engines: browsers paint these, too.
  expect(digestOf(Buffer.from(forth.join("")))).toBe("646da993405bc400");
});

test("the flower is bright and colourful, the ground dark", () => {
  const sums = [0, 0, 0];
  let dark = 0;
  for (const part of partsOf(tiny)) {
    const pixels = paint(part);
    for (let at = 0; at < pixels.length; at += 3) {
      for (let c = 0; c < 3; c++) sums[c]! += pixels[at + c]!;
      if (pixels[at]! + pixels[at + 1]! + pixels[at + 2]! < 150) dark++;
    }
  }
  const count = tiny.width * tiny.height;
  for (const sum of sums) expect(sum / count).toBeGreaterThan(60);
  expect(dark).toBeGreaterThan(count / 100);
});
