import { expect, test } from "vitest";
import type { SpawnedEnd } from "../sandbox/spawned.ts";
import { type Frame, type FramePort, FrameSandbox } from "./frame-sandbox.ts";

/** A frame whose worker is the test. */
function fakeFrame() {
  const sent: Uint8Array[] = [];
  const removed: string[] = [];
  const port: FramePort = {
    onmessage: null,
    postMessage: (message) => void sent.push(new Uint8Array(message)),
    close: () => void removed.push("port"),
  };
  const frame: Frame = { port, onGone: () => {}, remove: () => void removed.push("frame") };
  const say = (data: unknown) => port.onmessage?.({ data });
  return { frame, sent, removed, say, sayBytes: (...bytes: number[]) => say(Uint8Array.from(bytes).buffer) };
}

/** A sandbox in such a frame, with what comes of it. */
function listening(heldBytesMax = 8) {
  const fake = fakeFrame();
  const sandbox = new FrameSandbox(fake.frame, heldBytesMax);
  const got: number[] = [];
  const ends: SpawnedEnd[] = [];
  sandbox.listen({ onBytes: (bytes) => void got.push(...bytes), onGone: (end) => void ends.push(end) });
  return { ...fake, sandbox, got, ends };
}

test("parts go out in one piece, and stay as they were for whoever sent them", () => {
  const { sandbox, sent } = listening();
  const whole = Uint8Array.of(1, 2, 3, 4);
  let written = 0;
  sandbox.write([whole.subarray(1, 3), Uint8Array.of(9)], () => written++);
  expect(sent).toEqual([Uint8Array.of(2, 3, 9)]);
  expect(whole).toEqual(Uint8Array.of(1, 2, 3, 4));
  expect(written).toBe(1);
});

test("what is said while it is held comes later, in its order", () => {
  const { sandbox, sayBytes, got } = listening();
  sayBytes(1);
  sandbox.hold(true);
  sayBytes(2, 3);
  sayBytes(4);
  expect(got).toEqual([1]);
  sandbox.hold(false);
  sayBytes(5);
  expect(got).toEqual([1, 2, 3, 4, 5]);
});

test("tabHeldBytesMax: whoever says more while nothing is taken in is ended", async () => {
  const { sandbox, sayBytes, got, ends, removed } = listening(3);
  sandbox.hold(true);
  sayBytes(1, 2, 3);
  expect(removed).toEqual([]);
  sayBytes(4);
  await Promise.resolve();
  expect(ends).toMatchObject([{ why: expect.stringContaining("tabHeldBytesMax"), isMemory: false }]);
  expect(removed).toEqual(["port", "frame"]);
  sandbox.hold(false);
  sayBytes(5);
  expect(got).toEqual([]);
});

test("what is no piece of bytes ends it, and so does the loss of its frame; each once", async () => {
  const odd = listening();
  odd.say({ length: 3 });
  odd.frame.onGone("the frame is gone");
  const lost = listening();
  lost.frame.onGone("the frame is gone");
  lost.sandbox.kill();
  await Promise.resolve();
  expect(odd.ends.map(({ why }) => why)).toEqual(["The task broke the protocol of its sandbox"]);
  expect(lost.ends.map(({ why }) => why)).toEqual(["the frame is gone"]);
  expect(lost.sandbox.write([Uint8Array.of(1)])).toBe(undefined);
  expect(lost.sent).toEqual([]);
});

test("it is killed by removing its frame, and cannot be stopped where it stands", async () => {
  const { sandbox, ends, removed } = listening();
  expect(sandbox.stop()).toBe(false);
  sandbox.kill();
  // Not in the midst of what ends it.
  expect(ends).toEqual([]);
  await Promise.resolve();
  expect(ends).toHaveLength(1);
  expect(removed).toEqual(["port", "frame"]);
});
