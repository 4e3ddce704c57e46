import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { BlobFetcher } from "./fetch-blob.ts";

const blob = new Uint8Array(300_000).fill(3);
const cid = cidOf(blob);
const patient = { stallMs: 300_000, bytesMax: 2 ** 30 };

async function fetching(listener: RequestListener) {
  const server = createServer(listener);
  let connections = 0;
  server.on("connection", () => connections++);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const fetcher = new BlobFetcher();
  onTestFinished(() => {
    fetcher.close();
    server.closeAllConnections();
    server.close();
  });
  const from = { address: "127.0.0.1", port: (server.address() as AddressInfo).port, token: "t" };
  const fetch = (options: object = {}) => fetcher.fetch(from, cid, { ...patient, ...options });
  return { fetch, server, connections: () => connections };
}

test("fetches and verifies, with its token, many on one connection", async () => {
  const asked: string[] = [];
  const { fetch, connections } = await fetching((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.end(blob);
  });
  for (let round = 0; round < 3; round++) expect(Buffer.compare(await fetch(), blob)).toBe(0);
  expect(asked).toEqual(new Array(3).fill(`/blobs/${cid} Bearer t`));
  expect(connections()).toBe(1);
});

test("asks again where a kept connection has just been closed", async () => {
  let answered = 0;
  const { fetch } = await fetching((request, response) => {
    // As if the server had closed it a moment before the request came.
    if (++answered === 2) request.socket.resetAndDestroy();
    else response.end(blob);
  });
  await fetch();
  expect(Buffer.compare(await fetch(), blob)).toBe(0);
  expect(answered).toBe(3);
});

test.each<[string, RequestListener, string]>([
  ["other bytes", (_request, response) => response.end("other"), "BLOB_MISMATCH"],
  ["half of it", (_request, response) => response.end(blob.subarray(1)), "BLOB_MISMATCH"],
  ["a refusal", (_request, response) => response.writeHead(404).end('{"code":"NOT_FOUND"}'), "NOT_FOUND"],
  [
    "another program's page",
    (_request, response) => response.writeHead(404).end("<html>"),
    "HUB_UNREACHABLE",
  ],
  ["a broken connection", (request) => request.socket.destroy(), "HUB_UNREACHABLE"],
  [
    "an answer that breaks off",
    (request, response) => {
      response.writeHead(200, { "content-length": "300000" });
      response.write(blob.subarray(0, 1000), () => request.socket.destroy());
    },
    "HUB_UNREACHABLE",
  ],
])("fails for %s", async (_what, listener, code) => {
  const { fetch } = await fetching(listener);
  await expect(fetch()).rejects.toMatchObject({ code });
});

test("takes no more than it was told, and waits no longer", async () => {
  const endless = await fetching((_request, response) => {
    const more = () => response.write(blob, () => setImmediate(more));
    more();
  });
  await expect(endless.fetch({ bytesMax: 1_000_000 })).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  const silent = await fetching(() => {});
  await expect(silent.fetch({ stallMs: 5 })).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
});

test("ends when nobody wants it any more", async () => {
  const abort = new AbortController();
  const { fetch } = await fetching(() => abort.abort(new Error("enough")));
  await expect(fetch({ signal: abort.signal })).rejects.toThrow("enough");
  await expect(fetch({ signal: abort.signal })).rejects.toThrow("enough");
});
