import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { defaultLimits, MusketeersError } from "../protocol/index.ts";
import { cidOf } from "./cid.ts";
import { BlobClient } from "./transfer.ts";

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const limits = { ...defaultLimits, blobAttemptsMax: 4, reconnectDelayMinMs: 1, reconnectDelayMaxMs: 2 };

async function serve(handle: RequestListener): Promise<string> {
  const server = createServer(handle);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

const client = (baseUrl: string, token = () => "token") => new BlobClient({ baseUrl, token, limits });
const hello = new TextEncoder().encode("hello world");
const cid = cidOf(hello);

test("stores, finds and fetches", async () => {
  const blobs = new Map<string, Buffer>();
  const seen: string[] = [];
  const url = await serve(async (request, response) => {
    seen.push(`${request.method} ${request.headers.authorization}`);
    const name = request.url!.replace("/blobs/", "");
    if (request.method === "PUT") blobs.set(name, await bodyOf(request));
    const found = blobs.get(name);
    response.statusCode = found === undefined ? 404 : 200;
    response.end(request.method === "GET" ? found : undefined);
  });
  let session = 0;
  const each = client(url, () => `session${++session}`);
  expect(await each.has(cid)).toBe(false);
  expect(await each.put(hello)).toBe(cid);
  expect(await each.has(cid)).toBe(true);
  expect(new TextDecoder().decode(await each.get(cid))).toBe("hello world");
  const large = new Uint8Array(3_000_000).map((_, index) => index * 31);
  expect(Buffer.from(await each.get(await each.put(large))).equals(large)).toBe(true);
  expect(seen.slice(0, 4)).toEqual(
    ["HEAD", "PUT", "HEAD", "GET"].map((m, i) => `${m} Bearer session${i + 1}`),
  );
});

test("an error of the hub's is the same error here", async () => {
  const url = await serve((_request, response) => {
    response.statusCode = 403;
    response.end(JSON.stringify(new MusketeersError("FORBIDDEN", "no", { hint: "ask" })));
  });
  await expect(client(url).get(cid)).rejects.toMatchObject({ code: "FORBIDDEN", message: "no", hint: "ask" });
  await expect(client(url).put(hello)).rejects.toMatchObject({ code: "FORBIDDEN" });
  await expect(client(url).has(cid)).rejects.toMatchObject({ code: "FORBIDDEN" });
});

test("blobAttemptsMax: what may pass is tried again, so many times", async () => {
  let requests = 0;
  let failures = 3;
  const url = await serve((_request, response) => {
    requests++;
    if (failures-- > 0) {
      response.statusCode = 503;
      response.end(JSON.stringify(new MusketeersError("HUB_STOPPING", "later")));
    } else response.end(hello);
  });
  await client(url).get(cid);
  expect(requests).toBe(4);
  failures = 100;
  requests = 0;
  await expect(client(url).get(cid)).rejects.toMatchObject({ code: "HUB_STOPPING" });
  expect(requests).toBe(4);
});

test("what cannot pass is not tried again, what is not there once", async () => {
  let requests = 0;
  const answer = (status: number) =>
    serve((_request, response) => {
      requests++;
      response.statusCode = status;
      response.end("no");
    });
  await expect(client(await answer(403)).get(cid)).rejects.toMatchObject({ code: "FORBIDDEN" });
  expect(requests).toBe(1);
  await expect(client(await answer(404)).get(cid)).rejects.toMatchObject({ code: "NOT_FOUND" });
  expect(requests).toBe(3);
});

test("a question or an answer that was damaged on its way is exchanged again", async () => {
  const damaged = [
    new MusketeersError("BAD_ARGUMENT", "Not a CID: bafkr"),
    new MusketeersError("NOT_FOUND", "There is nothing at /blos"),
    new MusketeersError("PROTOCOL", "a method PUTUT"),
  ];
  const url = await serve((_request, response) => {
    const error = damaged.shift();
    if (error !== undefined) response.statusCode = 400;
    response.end(error === undefined ? hello : JSON.stringify(error));
  });
  expect(await client(url).get(cid)).toEqual(hello);
});

test("blobStallMs: a transfer that moves nothing is tried again on a new connection", async () => {
  const asked: string[] = [];
  const url = await serve((request, response) => {
    const { method = "" } = request;
    const isFirst = !asked.includes(method);
    asked.push(method);
    request.resume();
    if (!isFirst) response.end(hello);
    else if (method === "GET") {
      response.setHeader("content-length", hello.length);
      response.write(hello.subarray(0, 5));
    }
  });
  const stalling = { ...limits, blobStallMs: 50, blobAttemptsMax: 50 };
  const impatient = new BlobClient({ baseUrl: url, token: () => "", limits: stalling });
  expect(await impatient.put(hello)).toBe(cid);
  expect(await impatient.get(cid)).toEqual(hello);
  // On a busy machine an honest answer may come too late as well.
  expect(asked.slice(0, 2)).toEqual(["PUT", "PUT"]);
  expect(asked.filter((method) => method === "GET").length).toBeGreaterThan(1);
});

test("blobUploadBytesPerSecondMin: a large upload may be silent for as long as a slow line needs", async () => {
  let asked = 0;
  const url = await serve(async (request, response) => {
    asked++;
    await bodyOf(request);
    // Longer than it may be still otherwise.
    setTimeout(() => response.end("{}"), 150);
  });
  const patience = { ...limits, blobStallMs: 50, blobUploadBytesPerSecondMin: hello.length / 10 };
  const patient = new BlobClient({ baseUrl: url, token: () => "", limits: patience });
  expect(await patient.put(hello)).toBe(cid);
  expect(asked).toBe(1);
});

test("a token of a connection that is being replaced is exchanged for the next one", async () => {
  const url = await serve((request, response) => {
    response.statusCode = request.headers.authorization === "Bearer second" ? 200 : 401;
    response.end(response.statusCode === 200 ? hello : undefined);
  });
  const tokens = ["first", "first", "second"];
  expect(await client(url, () => tokens.shift()!).get(cid)).toEqual(hello);
  await expect(client(url).get(cid)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
});

test("other bytes than those of the CID are never given out", async () => {
  let requests = 0;
  const url = await serve((_request, response) => {
    response.end(++requests < 3 ? "hello w0rld" : hello);
  });
  expect(await client(url).get(cid)).toEqual(hello);
  expect(requests).toBe(3);
  const liar = await serve((_request, response) => response.end("something else"));
  await expect(client(liar).get(cid)).rejects.toMatchObject({ code: "BLOB_MISMATCH" });
});

test("a connection that breaks in the middle is tried again", async () => {
  let requests = 0;
  const url = await serve((_request, response) => {
    if (++requests > 1) {
      response.end(hello);
      return;
    }
    response.setHeader("content-length", hello.length);
    response.write(hello.subarray(0, 5), () => response.destroy());
  });
  expect(await client(url).get(cid)).toEqual(hello);
  expect(requests).toBe(2);
});

test("a hub that is not there is unreachable, and says where", async () => {
  const url = await serve(() => {});
  await new Promise((resolve) => servers.pop()!.close(resolve));
  await expect(client(url).get(cid)).rejects.toMatchObject({
    code: "HUB_UNREACHABLE",
    message: expect.stringMatching(/127\.0\.0\.1.*ECONNREFUSED/),
  });
});

test("a signal stops a fetch under way, and the pause before the next try", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const hanging = await serve(() => stop.abort(reason));
  await expect(client(hanging).get(cid, { signal: stop.signal })).rejects.toBe(reason);

  const stopLater = new AbortController();
  const failing = await serve((_request, response) => {
    response.statusCode = 503;
    response.end();
  });
  const patient = new BlobClient({
    baseUrl: failing,
    token: () => "",
    limits: { ...limits, reconnectDelayMinMs: 1_000_000, reconnectDelayMaxMs: 1_000_000 },
    random: () => {
      queueMicrotask(() => stopLater.abort(reason));
      return 0;
    },
  });
  await expect(patient.get(cid, { signal: stopLater.signal })).rejects.toBe(reason);
});

test("blobBytesMax: what is too large is refused on both ways", async () => {
  const url = await serve((_request, response) => response.end(hello));
  const each = new BlobClient({ baseUrl: url, token: () => "", limits: { ...limits, blobBytesMax: 10 } });
  await expect(each.get(cid)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
  await expect(each.put(hello)).rejects.toMatchObject({ code: "LIMIT_EXCEEDED" });
});

test("what is stored waits for a disk that refuses, however often; what is fetched does not", async () => {
  const storage = new MusketeersError("STORAGE", "no space left");
  let left = 10;
  const url = await serve(async (request, response) => {
    await bodyOf(request);
    const isRefused = request.method === "GET" || left-- > 0;
    response.statusCode = isRefused ? 507 : 201;
    response.end(isRefused ? JSON.stringify(storage) : "{}");
  });
  expect(await client(url).put(hello)).toBe(cid);
  await expect(client(url).get(cid)).rejects.toMatchObject({ code: "STORAGE" });
  left = Number.POSITIVE_INFINITY;
  const stop = new AbortController();
  const waiting = client(url).put(hello, { signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
});

test("uploadsPerPeerMax: no more blobs than that are stored at once; the others wait", async () => {
  const waiting: (() => void)[] = [];
  let most = 0;
  const url = await serve((_request, response) => {
    waiting.push(() => response.end());
    most = Math.max(most, waiting.length);
    if (waiting.length >= 3) for (const answer of waiting.splice(0)) answer();
  });
  const each = new BlobClient({ baseUrl: url, token: () => "", limits: { ...limits, uploadsPerPeerMax: 3 } });
  await Promise.all(Array.from({ length: 21 }, (_, at) => each.put(new Uint8Array([at]))));
  expect(most).toBe(3);
});
