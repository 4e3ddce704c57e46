import fc from "fast-check";
import { expect, test } from "vitest";
import { checkBlobPass, signBlobPass } from "./blob-token.ts";

const key = new Uint8Array(32).fill(7);
const pass = { cid: "bafkrei", address: "192.168.0.2", untilMs: 1000.9 };

test("a token is good for one blob, one address, some time and one key", () => {
  const token = signBlobPass(pass, key);
  const use = { cid: pass.cid, address: pass.address, nowMs: 1000 };
  expect(checkBlobPass(token, use, key)).toBe(true);
  expect(checkBlobPass(token, { ...use, nowMs: 1001 }, key)).toBe(false);
  expect(checkBlobPass(token, { ...use, cid: "bafkrej" }, key)).toBe(false);
  expect(checkBlobPass(token, { ...use, address: "192.168.0.3" }, key)).toBe(false);
  expect(checkBlobPass(token, use, new Uint8Array(32).fill(8))).toBe(false);
  expect(checkBlobPass(token.replace("1000.", "9000."), use, key)).toBe(false);
});

test("what is no token allows nothing", () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^\d{1,6}\.[0-9a-f]{32}$/)), (text) => {
      expect(checkBlobPass(text, { cid: "x", address: "y", nowMs: 0 }, key)).toBe(false);
    }),
  );
});
