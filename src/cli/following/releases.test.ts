import { createHash } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { newSecretKey, publicKeyOf, type Release, signRelease } from "../../security/index.ts";
import { Releases } from "./releases.ts";

/* What is taken of a hub, and what is not. */

const secretKey = newSecretKey();
const archive = Buffer.from("no archive at all");
const honest: Release = {
  version: "9.9.9",
  digest: new Uint8Array(32).fill(7),
  archive: createHash("sha256").update(archive).digest(),
  archiveBytes: archive.length,
};

async function scene(
  answers: { readonly statement?: Uint8Array; readonly archive?: Uint8Array } = {},
  releaseBytesMax = 1_000,
) {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-releases-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const { statement = signRelease(honest, 3, secretKey), archive: sent = archive } = answers;
  const server = createServer((request, response) => {
    response.end(request.url === "/musketeers.release" ? statement : sent);
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { signal } = new AbortController();
  const hubKey = publicKeyOf(secretKey);
  return { directory, releases: new Releases({ url, hubKey, fetch, directory, releaseBytesMax, signal }) };
}

test("what the hub signed is its word", async () => {
  const { releases } = await scene();
  expect(await releases.announced()).toMatchObject({ version: "9.9.9", sequence: 3 });
});

test("what another key signed, and what is too long, is not", async () => {
  const foreign = await scene({ statement: signRelease(honest, 3, newSecretKey()) });
  await expect(foreign.releases.announced()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
  const long = await scene({ statement: new Uint8Array(100_000) });
  await expect(long.releases.announced()).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("an archive that is not the signed one is refused, and leaves nothing behind", async () => {
  const { releases, directory } = await scene({ archive: Buffer.from("another archive!!") });
  await expect(releases.install(honest)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
  expect(await readdir(directory)).toEqual([]);
});

test("releaseBytesMax: a program that is too large is not fetched, whatever its hub says of it", async () => {
  const { releases } = await scene({}, 10);
  await expect(releases.install(honest)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  const liar = await scene({ archive: new Uint8Array(5_000_000) });
  await expect(liar.releases.install(honest)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("a hub that does not answer is told from one that lies", async () => {
  const { signal } = new AbortController();
  const where = { url: "http://127.0.0.1:1", hubKey: publicKeyOf(secretKey), directory: tmpdir() };
  const releases = new Releases({ ...where, fetch, releaseBytesMax: 1, signal });
  await expect(releases.announced()).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
});

test("of what is written down only what is there counts", async () => {
  const { releases, directory } = await scene();
  expect(await releases.current()).toBeUndefined();
  await releases.keep({ digest: "f".repeat(64), sequence: 4 });
  expect(await readdir(directory)).toHaveLength(1);
  expect(await releases.current()).toBeUndefined();
});
