import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { hubFetch } from "./hub-fetch.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const close: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const each of close.splice(0)) await each();
});

async function serve(handler: Handler): Promise<{ url: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => void handler(request, response));
  server.on("connection", (socket) => sockets.add(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  close.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

async function bytesIn(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const found: Uint8Array[] = [];
  for await (const part of parts) found.push(part);
  return Buffer.concat(found);
}

const echo: Handler = async (request, response) => {
  const body = await bytesIn(request);
  const { method, url, headers } = request;
  response.writeHead(201, { "content-type": "application/json" });
  response.end(JSON.stringify({ method, url, headers, body: body.toString("latin1") }));
};

const headers = { authorization: "Bearer t" };
const { signal } = new AbortController();
const bytes = (text: string) => new TextEncoder().encode(text);

test("a body in parts comes as one of a known length", async () => {
  const { url } = await serve(echo);
  const parts = [bytes("one "), bytes(""), bytes("for all")];
  const answer = await hubFetch()(`${url}/blocks`, { method: "POST", headers, signal, parts });
  expect([answer.ok, answer.status]).toEqual([true, 201]);
  expect(await answer.json()).toMatchObject({
    method: "POST",
    url: "/blocks",
    headers: { authorization: "Bearer t", "content-length": "11" },
    body: "one for all",
  });
});

test("a body that is nothing has the length zero", async () => {
  const { url } = await serve(echo);
  const put = await hubFetch()(url, { method: "PUT", headers, signal, body: new Uint8Array(0) });
  expect(await put.json()).toMatchObject({ headers: { "content-length": "0" }, body: "" });
});

test("shared memory is sent as any other", async () => {
  const { url } = await serve(echo);
  const shared = new Uint8Array(new SharedArrayBuffer(300_000)).fill(65);
  const answer = await hubFetch()(url, { method: "POST", headers, signal, parts: [shared] });
  expect(await answer.json()).toMatchObject({ body: "A".repeat(300_000) });
});

test("an answer comes piece by piece, and its connection is used again", async () => {
  const { url, sockets } = await serve((_request, response) => {
    response.end(Buffer.alloc(1_000_000, 7));
  });
  const fetch = hubFetch();
  for (let round = 0; round < 3; round++) {
    const { body } = await fetch(url, { method: "GET", headers, signal });
    expect(Buffer.compare(await bytesIn(body), Buffer.alloc(1_000_000, 7))).toBe(0);
  }
  expect(sockets.size).toBe(1);
});

test("an answer that nobody reads costs nothing: a short one not even its connection", async () => {
  const { url, sockets } = await serve((request, response) => {
    const length = Number(request.url!.slice(1));
    response.writeHead(200, { "content-length": length });
    response.end(Buffer.alloc(length));
  });
  const fetch = hubFetch();
  for (const length of [10, 10, 10_000_000]) {
    await (await fetch(`${url}/${length}`, { method: "GET", headers, signal })).body.cancel();
  }
  const last = await fetch(`${url}/3`, { method: "GET", headers, signal });
  expect(await bytesIn(last.body)).toHaveLength(3);
  expect(sockets.size).toBeLessThan(4);
});

test("a connection that was closed while nothing happened is no failure", async () => {
  let count = 0;
  const { url } = await serve((request, response) => {
    count++;
    // The second request on a connection finds it broken, before anything of it was answered.
    if (count === 2) request.socket.resetAndDestroy();
    else void echo(request, response);
  });
  const fetch = hubFetch();
  const send = async () => (await fetch(url, { method: "POST", headers, signal, body: bytes("x") })).json();
  await send();
  expect(await send()).toMatchObject({ body: "x" });
  expect(count).toBe(3);
});

test("a connection that is cut at once is one", async () => {
  const { url } = await serve((request) => {
    request.socket.resetAndDestroy();
  });
  const refused = hubFetch()(url, { method: "GET", headers, signal });
  await expect(refused).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("an answer that breaks off throws where it is read", async () => {
  const { url } = await serve((_request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("only this", () => response.destroy());
  });
  const { body } = await hubFetch()(url, { method: "GET", headers, signal });
  await expect(bytesIn(body)).rejects.toThrow();
});

test("whoever aborts waits no longer, before the answer or in it", async () => {
  let requested = () => {};
  const { url } = await serve((request, response) => {
    requested();
    if (request.url === "/begun") response.write("begun");
  });
  for (const path of ["/silent", "/begun"]) {
    const stop = new AbortController();
    const arrived = new Promise<void>((resolve) => {
      requested = resolve;
    });
    const reading = hubFetch()(url + path, { method: "GET", headers, signal: stop.signal }).then(({ body }) =>
      bytesIn(body),
    );
    reading.catch(() => {});
    await arrived;
    stop.abort();
    await expect(reading).rejects.toThrow();
  }
});

test("where nobody listens the error names the address", async () => {
  const { url } = await serve(echo);
  await close.pop()!();
  const refused = hubFetch()(url, { method: "GET", headers, signal });
  await expect(refused).rejects.toThrow(/ECONNREFUSED.*127\.0\.0\.1/);
});
