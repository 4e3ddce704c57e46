import { expect, test } from "vitest";
import { defaultLimits } from "../protocol/index.ts";
import { resolveOptions } from "./options.ts";
import { asPictureTile } from "./picture.ts";

const tile = { x: 2, y: 0, width: 2, height: 1, pixels: new Uint8Array(6) };
const picture = { width: 4, height: 1 };

test("a part of a picture lies within it and has as many pixels as it says", () => {
  expect(asPictureTile(tile, picture)).toEqual(tile);
  expect(asPictureTile({ ...tile, pixels: new Uint8Array(8), tookMs: 5 }, picture)).toMatchObject({
    tookMs: 5,
  });
  expect(asPictureTile({ ...tile, tookMs: "long" }, picture)).toEqual(tile);
  for (const wrong of [
    undefined,
    "tile",
    [],
    { ...tile, x: 3 },
    { ...tile, y: 1 },
    { ...tile, x: -1 },
    { ...tile, x: 0.5 },
    { ...tile, width: 0 },
    { ...tile, height: Number.NaN },
    { ...tile, pixels: new Uint8Array(7) },
    { ...tile, pixels: [0, 0, 0, 0, 0, 0] },
  ]) {
    expect(asPictureTile(wrong, picture)).toBeUndefined();
  }
});

test("pictureSideMax: larger pictures, and what is none, are refused where they are asked for", () => {
  const side = defaultLimits.pictureSideMax;
  const largest = { width: side, height: side };
  expect(resolveOptions({ picture: largest }).job.picture).toEqual(largest);
  for (const wrong of [
    { width: side + 1, height: 1 },
    { width: 0, height: 1 },
    { width: 1.5, height: 1 },
    7,
  ]) {
    expect(() => resolveOptions({ picture: wrong as never })).toThrow(
      expect.objectContaining({ code: "BAD_ARGUMENT" }),
    );
  }
});
