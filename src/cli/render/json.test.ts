import { expect, test } from "vitest";
import { jsonLine } from "./json.ts";

test("values without JSON of their own have one line too", () => {
  const value = {
    big: 2n ** 70n,
    when: new Date(0),
    never: new Date(Number.NaN),
    map: new Map<unknown, unknown>([["a", new Set([1, undefined])]]),
    bytes: new Uint8Array([1, 2, 3]),
    floats: new Float32Array([0.5]),
    text: "line\nend",
    nothing: undefined,
    nan: Number.NaN,
  };
  expect(jsonLine(value)).toBe(
    '{"big":"1180591620717411303424","when":"1970-01-01T00:00:00.000Z","never":null,' +
      '"map":[["a",[1,null]]],"bytes":"AQID","floats":[0.5],"text":"line\\nend","nothing":null,"nan":null}\n',
  );
});

test("nothing at all is null", () => {
  expect(jsonLine(undefined)).toBe("null\n");
});
