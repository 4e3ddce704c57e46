import { request } from "node:http";
import { connect } from "node:net";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { cidOf } from "../../data/index.ts";
import {
  defaultLimits,
  FrameReceiver,
  FrameSender,
  type Goodbye,
  parseHubMessage,
} from "../../protocol/index.ts";
import { ScriptedPeer, testHub, until } from "../testing/peer.ts";

/** Sends one raw frame to a hub; gives the goodbye, if any, once the connection is closed. */
function goodbyeFor(url: string, frame: Uint8Array | string): Promise<Goodbye | undefined> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/link`, { perMessageDeflate: false });
    const receiver = new FrameReceiver();
    let goodbye: Goodbye | undefined;
    socket.on("message", (data) => {
      const message = parseHubMessage(receiver.decode(data as Buffer, defaultLimits).header);
      if (message.type === "challenge") socket.send(frame);
      if (message.type === "goodbye") goodbye = message;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(goodbye));
  });
}

describe("what is no protocol", () => {
  test("is answered with a goodbye that says why", async () => {
    const hub = await testHub({ limits: { frameBytesMax: 100_000, headerBytesMax: 1000 } });
    const encode = (header: object, body?: Uint8Array) => new FrameSender().encode(header, body);
    const code = async (frame: Uint8Array | string) => (await goodbyeFor(hub.url, frame))?.code;
    expect(await code("hello")).toBe("PROTOCOL");
    expect(await code(new Uint8Array(3))).toBe("PROTOCOL");
    expect(await code(new Uint8Array(100).fill(255))).toBe("PROTOCOL");
    expect(await code(encode({ text: "x".repeat(2_000) }))).toBe("LIMIT_EXCEEDED");
    expect(await code(encode({ type: "hello" }, new Uint8Array(100_001)))).toBe("LIMIT_EXCEEDED");
    expect(await code(encode({ type: "call", id: 1, method: "status", params: {} }))).toBe("UNAUTHORIZED");
    expect(await code(encode({ type: "hello" }))).toBe("PROTOCOL");
    expect(await code(encode({ type: "nonsense" }))).toBe("PROTOCOL");
  });

  test("does not bring the hub down where it comes instead of an upgrade", async () => {
    const hub = await testHub();
    for (const path of ["//", "/other", "http://[", "/link/../x", "*"]) {
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(Number(new URL(hub.url).port), "127.0.0.1");
        socket.on("error", reject);
        socket.once("data", (data) => {
          resolve(data.toString());
          socket.destroy();
        });
        socket.write(
          `GET ${path} HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        );
      });
      expect(answer).toMatch(/^HTTP\/1\.1 404 /);
    }
    expect((await fetch(`${hub.url}/healthz`)).status).toBe(200);
  });
});

describe("over HTTP", () => {
  test("blobs need a live connection's token, and have ranges and heads", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const bytes = new TextEncoder().encode("one for all");
    const url = `${hub.url}/blobs/${cidOf(bytes)}`;
    const headers = { authorization: `Bearer ${client.welcomes[0]!.session}` };
    const refused = await fetch(url, { method: "PUT", body: bytes });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({ code: "UNAUTHORIZED" });
    expect((await fetch(url, { headers })).status).toBe(404);
    expect((await fetch(url, { method: "PUT", body: bytes, headers })).status).toBe(201);
    const wrong = await fetch(url, { method: "PUT", body: "all for one", headers });
    expect(wrong.status).toBe(422);
    expect(await wrong.json()).toMatchObject({ code: "BLOB_MISMATCH" });
    expect(await (await fetch(url, { headers })).text()).toBe("one for all");
    const part = await fetch(url, { headers: { ...headers, range: "bytes=4-6" } });
    expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([
      206,
      "bytes 4-6/11",
      "for",
    ]);
    const outside = await fetch(url, { headers: { ...headers, range: "bytes=11-" } });
    expect([outside.status, outside.headers.get("content-range")]).toEqual([416, "bytes */11"]);
    const head = await fetch(url, { method: "HEAD", headers });
    expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "11", ""]);
    const viewer = await ScriptedPeer.client(hub, "viewer");
    const looked = await fetch(url, { headers: { authorization: `Bearer ${viewer.welcomes[0]!.session}` } });
    expect(looked.status).toBe(403);
    client.link.close();
    await until(async () => (await fetch(url, { headers })).status === 401);
  });

  test("what is no page is an error as JSON, and nothing beside the pages is shown", async () => {
    const hub = await testHub();
    for (const path of [
      "/nothing.html",
      "/../../package.json",
      "/..%2f..%2fpackage.json",
      "/%2e%2e/x.js",
      "/a",
    ]) {
      const { status, text } = await rawGet(hub.url, path);
      expect(status).toBe(404);
      expect(JSON.parse(text)).toMatchObject({ code: "NOT_FOUND" });
    }
    expect((await fetch(`${hub.url}/blobs/nonsense`, { method: "POST" })).status).toBe(404);
  });
});

/** A request whose path nobody tidies up first. */
function rawGet(base: string, path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    request({ hostname, port, path }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
    })
      .on("error", reject)
      .end();
  });
}
