import { describe, expect, test } from "vitest";
import { type BatchBlock, cidOf, packBlocks, unpackBlocks } from "../../data/index.ts";
import { Bystander } from "../testing/bystander.ts";
import { ScriptedPeer, testDirectory, testHub } from "../testing/peer.ts";

const blockOf = (text: string, codec: "raw" | "dag-pb" = "raw"): BatchBlock => {
  const bytes = new TextEncoder().encode(text);
  return { bytes, cid: cidOf(bytes, codec) };
};

const headersOf = (peer: ScriptedPeer) => ({ authorization: `Bearer ${peer.welcomes[0]!.session}` });

async function unpacked(response: Response): Promise<BatchBlock[]> {
  const blocks: BatchBlock[] = [];
  for await (const block of unpackBlocks(response.body!, 1e6)) blocks.push(block);
  return blocks;
}

describe("batches of blocks", () => {
  test("are stored and fetched, a restart in between; what is not there is left out", async () => {
    const data = await testDirectory();
    const blocks = [blockOf("one"), blockOf("a node", "dag-pb"), blockOf(""), blockOf("x".repeat(600_000))];
    const first = await testHub({ data });
    const client = await ScriptedPeer.client(first);
    const stored = await fetch(`${first.url}/blocks`, {
      method: "POST",
      body: packBlocks(blocks) as Uint8Array<ArrayBuffer>,
      headers: headersOf(client),
    });
    expect([stored.status, await stored.json()]).toEqual([201, { blocks: 4 }]);
    await first.close();
    const hub = await testHub({ data });
    const headers = headersOf(await ScriptedPeer.client(hub));
    const wanted = [blockOf("not there"), ...blocks.toReversed()].map(({ cid }) => cid);
    const ask = (body: string) => fetch(`${hub.url}/blocks/get`, { method: "POST", body, headers });
    const got = await unpacked(await ask(wanted.join("\n")));
    expect(got.map(({ cid }) => cid)).toEqual(blocks.toReversed().map(({ cid }) => cid));
    for (const { cid, bytes } of got)
      expect(cidOf(bytes, cid.startsWith("bafy") ? "dag-pb" : "raw")).toBe(cid);
    expect(await unpacked(await ask(""))).toEqual([]);
    for (const wrong of ["hello", `${wanted[0]},${wanted[1]}`, "../x"]) {
      expect((await ask(wrong)).status).toBe(400);
    }
  });

  test("with a wrong block are refused; nothing is stored under its name", async () => {
    const hub = await testHub();
    const client = await ScriptedPeer.client(hub);
    const right = blockOf("right");
    const post = (blocks: BatchBlock[]) =>
      fetch(`${hub.url}/blocks`, {
        method: "POST",
        body: packBlocks(blocks) as Uint8Array<ArrayBuffer>,
        headers: headersOf(client),
      });
    const answer = await post([blockOf("before"), { cid: right.cid, bytes: blockOf("wrong").bytes }]);
    expect([answer.status, await answer.json()]).toMatchObject([422, { code: "BLOB_MISMATCH" }]);
    expect(await hub.coordinator.engine.blobs.stat(right.cid)).toBeUndefined();
    expect((await post([right])).status).toBe(201);
  });

  test("are for those who may write and read blobs", async () => {
    const hub = await testHub();
    const viewer = headersOf(await ScriptedPeer.client(hub, "viewer"));
    for (const path of ["/blocks", "/blocks/get"]) {
      for (const [headers, status] of [
        [viewer, 403],
        [{ authorization: "Bearer nobody" }, 401],
      ] as const) {
        const { cid } = blockOf("x");
        const body = path === "/blocks" ? "" : cid;
        expect((await fetch(`${hub.url}${path}`, { method: "POST", body, headers })).status).toBe(status);
      }
    }
  });

  test("blockBytesMax: a larger block is refused, and in a blob store it is not among a batch", async () => {
    const hub = await testHub({ limits: { blockBytesMax: 100 } });
    const bystander = await Bystander.at(hub);
    const client = await ScriptedPeer.client(hub);
    const headers = headersOf(client);
    const large = blockOf("x".repeat(101));
    await bystander.during(async () => {
      const body = packBlocks([large]) as Uint8Array<ArrayBuffer>;
      const answer = await fetch(`${hub.url}/blocks`, { method: "POST", body, headers });
      expect([answer.status, await answer.json()]).toMatchObject([413, { code: "LIMIT_EXCEEDED" }]);
    });
    await hub.coordinator.engine.blobs.put(large.bytes);
    const got = await fetch(`${hub.url}/blocks/get`, { method: "POST", body: large.cid, headers });
    expect(await unpacked(got)).toEqual([]);
  });

  test("blocksPerBatchMax: who asks for more at once is refused", async () => {
    const hub = await testHub({ limits: { blocksPerBatchMax: 2 } });
    const bystander = await Bystander.at(hub);
    const headers = headersOf(await ScriptedPeer.client(hub));
    const cids = ["a", "b", "c"].map((text) => blockOf(text).cid);
    const ask = (body: string) => fetch(`${hub.url}/blocks/get`, { method: "POST", body, headers });
    await bystander.during(async () => {
      const answer = await ask(cids.join("\n"));
      expect([answer.status, await answer.json()]).toMatchObject([400, { code: "BAD_ARGUMENT" }]);
    });
    expect((await ask(cids.slice(1).join("\n"))).status).toBe(200);
  });
});
