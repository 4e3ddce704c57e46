import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import { connect } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { defaultLimits } from "../../protocol/index.ts";
import { signBlobPass } from "../../security/index.ts";
import { NeighbourServer, type NeighbourServerOptions } from "./server.ts";

const blob = new Uint8Array(1000).fill(5);
const cid = cidOf(blob);

/** A promise and what fulfils it. */
function deferred<T>(): { readonly promise: Promise<T>; resolve(value: T): void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve: (value) => resolve(value) };
}

async function testServer(options: Partial<NeighbourServerOptions> = {}) {
  const server = await NeighbourServer.open({
    peek: async (asked) => (asked === cid ? blob : undefined),
    includes: () => true,
    limits: defaultLimits,
    nowMs: () => 1000,
    ...options,
  });
  onTestFinished(() => server.close());
  const ask = (path: string, token: string) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, { headers: { authorization: `Bearer ${token}` } });
  const pass = (changes: object = {}) =>
    signBlobPass({ cid, address: "127.0.0.1", untilMs: 1000, ...changes }, server.key);
  return { server, ask, pass };
}

test("serves a blob to who has a token for it", async () => {
  const { ask, pass } = await testServer();
  const response = await ask(`/blobs/${cid}`, pass());
  expect(response.status).toBe(200);
  expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), blob)).toBe(0);
});

test("serves nothing to others, and nothing else", async () => {
  const { ask, pass } = await testServer();
  const other = cidOf(new Uint8Array(3));
  const statuses = async (...asked: [path: string, token: string][]) =>
    Promise.all(asked.map(async ([path, token]) => (await ask(path, token)).status));
  expect(
    await statuses(
      [`/blobs/${cid}`, ""],
      [`/blobs/${cid}`, pass({ untilMs: 999 })],
      [`/blobs/${cid}`, pass({ address: "127.0.0.2" })],
      [`/blobs/${other}`, pass()],
      [`/blobs/${other}`, pass({ cid: other })],
      ["/blobs/..%2fkey", pass()],
      ["/", pass()],
    ),
  ).toEqual([401, 401, 401, 401, 404, 404, 404]);
});

test("hangs up on who is in none of its networks", async () => {
  const { server } = await testServer({ includes: () => false });
  const socket = connect(server.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "close");
  expect(socket.bytesRead).toBe(0);
});

test("neighbourUploadsMax: one more is refused, and those under way go on", async () => {
  let deliver = () => {};
  const asked = deferred<void>();
  const { ask, pass } = await testServer({
    limits: { ...defaultLimits, neighbourUploadsMax: 1 },
    peek: () => {
      asked.resolve();
      return new Promise((resolve) => {
        deliver = () => resolve(blob);
      });
    },
  });
  const first = ask(`/blobs/${cid}`, pass());
  await asked.promise;
  const second = await ask(`/blobs/${cid}`, pass());
  expect(await second.json()).toMatchObject({ code: "TOO_MANY" });
  deliver();
  expect((await first).status).toBe(200);
});

describe("a blob that is still being fetched", () => {
  test("is waited for as long as there are signs of life", async () => {
    let deliver = () => {};
    const { server, pass } = await testServer({
      limits: { ...defaultLimits, neighbourStallMs: 2_000 },
      peek: () =>
        new Promise((resolve) => {
          deliver = () => resolve(blob);
        }),
    });
    const asking = request({
      port: server.port,
      path: `/blobs/${cid}`,
      headers: { authorization: `Bearer ${pass()}` },
    });
    asking.end();
    await once(asking, "information");
    const answered = once(asking, "response") as Promise<[IncomingMessage]>;
    deliver();
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  test("is waited for no longer than that", async () => {
    const { ask, pass } = await testServer({
      limits: { ...defaultLimits, neighbourStallMs: 2 },
      peek: (_cid, { signal }) =>
        new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
    });
    expect((await ask(`/blobs/${cid}`, pass())).status).toBe(404);
  });

  test("is not waited for when whoever asks has hung up", async () => {
    const asked = deferred<AbortSignal>();
    const { server, pass } = await testServer({
      peek: (_cid, { signal }) => {
        asked.resolve(signal);
        return new Promise((_resolve, reject) =>
          signal.addEventListener("abort", () => reject(signal.reason)),
        );
      },
    });
    const abort = new AbortController();
    const response = fetch(`http://127.0.0.1:${server.port}/blobs/${cid}`, {
      headers: { authorization: `Bearer ${pass()}` },
      signal: abort.signal,
    });
    response.catch(() => {});
    const signal = await asked.promise;
    const stopped = once(signal, "abort");
    abort.abort();
    await stopped;
  });
});

test("a port that is taken is said to be", async () => {
  const { server } = await testServer();
  await expect(testServer({ port: server.port })).rejects.toMatchObject({ code: "ADDRESS_IN_USE" });
});
