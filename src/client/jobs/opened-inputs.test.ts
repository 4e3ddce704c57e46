import { once } from "node:events";
import { createInterface } from "node:readline";
import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { OpenedInputs } from "./opened-inputs.ts";

test("lines of a readline interface that has ended before they are read are all there", async () => {
  const input = new PassThrough();
  const reader = createInterface({ input });
  const closed = once(reader, "close");
  const lines = OpenedInputs.use(reader, async (opened) => {
    await closed;
    const found: string[] = [];
    for await (const line of opened) found.push(line);
    return found;
  });
  input.end("a\nb\nc\n");
  expect(await lines).toEqual(["a", "b", "c"]);
});

test("what nobody began to read is let go of; what was begun ends once", async () => {
  const ended: string[] = [];
  const inputs = (name: string): AsyncIterable<number> => ({
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false, value: 1 }),
      return: async () => {
        ended.push(name);
        return { done: true, value: undefined };
      },
    }),
  });
  const refused = OpenedInputs.use(inputs("unread"), () => Promise.reject(new Error("no")));
  await expect(refused).rejects.toThrow("no");
  await OpenedInputs.use(inputs("begun"), async (opened) => {
    for await (const _ of opened) break;
  });
  expect(ended).toEqual(["unread", "begun"]);
});

test("what is no such thing stays what it is", async () => {
  for (const inputs of [[1, 2], "text", undefined, new Set([1])]) {
    expect(await OpenedInputs.use(inputs, async (opened) => opened)).toBe(inputs);
  }
});
