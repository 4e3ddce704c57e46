import { expect, test } from "vitest";
import { defaultLimits, type Limits } from "../protocol/index.ts";
import { unpackBlocks } from "./batch-intake.ts";
import { BlockSender } from "./block-sender.ts";
import { cidOf } from "./cid.ts";
import { HubExchange } from "./hub-exchange.ts";

/** A hub that answers when it is let, and knows what came with which request. */
function hub(limits: Partial<Limits> = {}) {
  const requests: string[][] = [];
  const answers: ((response: Response) => void)[] = [];
  let onRequest = () => {};
  const all = { ...defaultLimits, ...limits };
  const fetch = async (_url: unknown, init?: RequestInit) => {
    const cids: string[] = [];
    const body = new Response(init?.body).body as unknown as AsyncIterable<Uint8Array>;
    for await (const { cid } of unpackBlocks(body, all.blockBytesMax)) cids.push(cid);
    const answer = new Promise<Response>((resolve) => answers.push(resolve));
    requests.push(cids);
    onRequest();
    return answer;
  };
  const exchange = new HubExchange({
    baseUrl: "http://hub",
    token: () => "t",
    fetch: fetch as typeof globalThis.fetch,
    limits: all,
    random: () => 0,
  });
  const sender = new BlockSender({ exchange, limits: all, persist: (attempt) => attempt() });
  const until = async (count: number) => {
    while (requests.length < count) {
      await new Promise<void>((resolve) => {
        onRequest = resolve;
      });
    }
  };
  return { sender, requests, answers, until };
}

const block = (seed: number, bytes = 10) => new Uint8Array(bytes).fill(seed);
const done = () => new Response("{}", { status: 201 });
const refused = (code: string, status: number) =>
  Response.json({ code, message: "no", hint: "" }, { status });

test("blockBatchesAtOnce, blockBatchBytesTarget: what comes meanwhile goes together, as much as a batch may have", async () => {
  const { sender, requests, answers, until } = hub({ blockBatchesAtOnce: 1, blockBatchBytesTarget: 25 });
  const cids = [0, 1, 2, 3, 4].map((seed) => cidOf(block(seed)));
  const first = sender.put(cids[0]!, block(0));
  await until(1);
  const others = [1, 2, 3, 4].map((seed) => sender.put(cids[seed]!, block(seed)));
  answers[0]!(done());
  await first;
  await until(2);
  answers[1]!(done());
  await until(3);
  answers[2]!(done());
  await Promise.all(others);
  expect(requests).toEqual([[cids[0]], cids.slice(1, 3), cids.slice(3)]);
});

test("a block larger than a batch goes by itself", async () => {
  const { sender, requests, answers, until } = hub({ blockBatchBytesTarget: 25 });
  const large = block(1, 100);
  const stored = [sender.put(cidOf(large), large), sender.put(cidOf(block(2)), block(2))];
  await until(2);
  for (const answer of answers) answer(done());
  await Promise.all(stored);
  expect(requests).toEqual([[cidOf(large)], [cidOf(block(2))]]);
});

test("a full disk is waited for; what is refused for good fails those blocks and no others", async () => {
  const { sender, requests, answers, until } = hub({ blobAttemptsMax: 1, blockBatchesAtOnce: 1 });
  const first = sender.put(cidOf(block(1)), block(1));
  await until(1);
  answers[0]!(refused("STORAGE", 507));
  await until(2);
  answers[1]!(done());
  await first;
  const second = sender.put(cidOf(block(2)), block(2));
  await until(3);
  const third = sender.put(cidOf(block(3)), block(3));
  answers[2]!(refused("FORBIDDEN", 403));
  await expect(second).rejects.toMatchObject({ code: "FORBIDDEN" });
  await until(4);
  answers[3]!(done());
  await third;
  expect(requests).toHaveLength(4);
});

test("blocks that are made one after the other without a pause travel together", async () => {
  const { sender, requests, answers, until } = hub();
  const sent: Promise<void>[] = [];
  for (const seed of [1, 2, 3]) {
    sent.push(sender.put(cidOf(block(seed)), block(seed)));
    for (let turn = 0; turn < 10; turn++) await Promise.resolve();
  }
  await until(1);
  answers[0]!(done());
  await Promise.all(sent);
  expect(requests).toEqual([[1, 2, 3].map((seed) => cidOf(block(seed)))]);
});
