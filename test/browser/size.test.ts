import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { root } from "../support/program.ts";

const BYTES_MAX = 150_000;

test("what a page loads before it shows anything is under 150 kB compressed, and none of it is inline", () => {
  const folder = join(root, "dist", "dashboard");
  const html = readFileSync(join(folder, "index.html"), "utf8");
  const files = [...html.matchAll(/(?:src|href)="\.\/([^"]+)"/g)].map((match) => match[1]!);
  expect(files.map((file) => file.split(".").at(-1))).toEqual(expect.arrayContaining(["js", "css", "svg"]));
  const sizes = files.map((file) => gzipSync(readFileSync(join(folder, file))).length);
  expect(sizes.reduce((sum, size) => sum + size, gzipSync(html).length)).toBeLessThan(BYTES_MAX);
  expect(html).not.toMatch(/<script[^>]*>[^<]/);
  expect(html).not.toMatch(/<style|\son\w+=/);
});
