import { once } from "node:events";
import { readFileSync } from "node:fs";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { startHub } from "../../src/hub/index.ts";
import { root } from "../support/program.ts";

const BYTES_MAX = 150_000;

/** Bytes of an answer as they travel. */
async function travelled(url: string): Promise<number> {
  const [response] = (await once(get(url, { headers: { "accept-encoding": "gzip" } }), "response")) as [
    IncomingMessage,
  ];
  expect(response.statusCode).toBe(200);
  expect(response.headers["content-encoding"]).toBe("gzip");
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const sent = Buffer.concat(parts);
  expect(gunzipSync(sent).length).toBeGreaterThan(sent.length);
  return sent.length;
}

test("a hub sends its pages compressed, also a second time, and as they are to who cannot read that", async () => {
  const hub = await startHub({ listen: "127.0.0.1:0" });
  onTestFinished(() => hub.close());
  const html = await (await fetch(hub.url)).text();
  const [script = ""] = /assets\/index-[\w-]+\.js/.exec(html) ?? [];
  const first = await travelled(`${hub.url}/${script}`);
  expect(await travelled(`${hub.url}/${script}`)).toBe(first);
  expect(first).toBeLessThan(BYTES_MAX);
  const plain = await fetch(`${hub.url}/${script}`, { headers: { "accept-encoding": "identity" } });
  expect(plain.headers.get("content-encoding")).toBeNull();
  expect((await plain.arrayBuffer()).byteLength).toBeGreaterThan(first);
});

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
