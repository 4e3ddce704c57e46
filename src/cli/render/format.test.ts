import { describe, expect, test } from "vitest";
import { bytes, clip, count, duration, percent, plural, printable, rate } from "./format.ts";

describe("numbers as people read them", () => {
  test.each([
    [0, "0"],
    [999, "999"],
    [1000, "1,000"],
    [26_470, "26,470"],
    [1_234_567.4, "1,234,567"],
  ])("count %d", (value, text) => expect(count(value)).toBe(text));

  test.each([
    [0, "0 ms"],
    [340.2, "340 ms"],
    [999.6, "1.0 s"],
    [4_230, "4.2 s"],
    [19_200, "19.2 s"],
    [59_960, "1 min"],
    [203_000, "3 min 23 s"],
    [3_599_900, "1 h"],
    [3_660_000, "1 h 1 min"],
    [187_200_000, "2 d 4 h"],
  ])("duration of %d ms", (ms, text) => expect(duration(ms)).toBe(text));

  test.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_024, "1.0 KB"],
    [1_022_000, "998 KB"],
    [1_023_900, "1.0 MB"],
    [1_048_576, "1.0 MB"],
    [512 * 1_048_576, "512 MB"],
    [4 * 1024 ** 3, "4.0 GB"],
  ])("%d bytes", (value, text) => expect(bytes(value)).toBe(text));

  test.each([
    [0, "0/s"],
    [0.01, "0.6/min"],
    [1.25, "1.3/s"],
    [130.4, "130/s"],
    [200_000, "200,000/s"],
  ])("%d a second", (perSecond, text) => expect(rate(perSecond)).toBe(text));

  test("a hundred percent means all", () => {
    expect(percent(999_999, 1_000_000)).toBe("99 %");
    expect(percent(3, 3)).toBe("100 %");
    expect(percent(0, 0)).toBe("0 %");
  });

  test("nouns and lengths", () => {
    expect([plural(1, "input"), plural(2, "input")]).toEqual(["1 input", "2 inputs"]);
    expect([clip("dartagnan", 9), clip("dartagnan", 5)]).toEqual(["dartagnan", "dart…"]);
  });

  test("what strangers name themselves does not move the cursor", () => {
    expect(printable("evil\u001b[2Jname\u0007\u009b")).toBe("evil�[2Jname��");
    expect(printable("名稱\tok")).toBe("名稱\tok");
  });
});
