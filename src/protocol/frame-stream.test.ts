import fc from "fast-check";
import { expect, test } from "vitest";
import { defaultLimits } from "./default-limits.ts";
import { FrameReceiver, FrameSender } from "./frame-stream.ts";

const refused = expect.objectContaining({ code: "PROTOCOL" });

function streamOf(bodies: readonly Uint8Array[]): Uint8Array[] {
  const sender = new FrameSender();
  return bodies.map((body, at) => sender.encode({ type: "x", at }, body));
}

test("frames survive in their order", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (bodies) => {
      const receiver = new FrameReceiver();
      const received = streamOf(bodies).map((frame) => receiver.decode(frame, defaultLimits));
      expect(received).toEqual(bodies.map((body, at) => ({ header: { type: "x", at }, body })));
    }),
  );
});

test("a frame that is missing, repeated, swapped or from another connection is refused", () => {
  const frames = streamOf([1, 1, 1, 1].map((byte) => new Uint8Array([byte])));
  const same = streamOf([new Uint8Array([1])])[0]!;
  const [a, b, c] = frames as [Uint8Array, Uint8Array, Uint8Array];
  for (const [good, bad] of [
    [[a], c],
    [[a], a],
    [[], b],
    [[a, b], same],
  ] as const) {
    const receiver = new FrameReceiver();
    for (const frame of good) receiver.decode(frame, defaultLimits);
    expect(() => receiver.decode(bad, defaultLimits)).toThrow(refused);
  }
});

test("a frame whose bytes were changed, cut or added to is refused", () => {
  const change = fc.record({ at: fc.nat(), bytes: fc.uint8Array({ maxLength: 6 }), removed: fc.nat(6) });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 50 }), change, (body, { at, bytes, removed }) => {
      const frame = streamOf([body])[0]!;
      const from = at % frame.length;
      const damaged = Buffer.concat([frame.subarray(0, from), bytes, frame.subarray(from + removed)]);
      fc.pre(Buffer.compare(damaged, frame) !== 0);
      expect(() => new FrameReceiver().decode(damaged, defaultLimits)).toThrow(refused);
    }),
    { numRuns: 500 },
  );
});

test("limits are those of the frame behind its check", () => {
  const frame = new FrameSender().encode({ type: "x" }, new Uint8Array(100));
  const limits = { ...defaultLimits, frameBytesMax: frame.length - 4 };
  expect(new FrameReceiver().decode(frame, limits).body.length).toBe(100);
  const code = expect.objectContaining({ code: "LIMIT_EXCEEDED" });
  expect(() => new FrameReceiver().decode(frame, { ...limits, frameBytesMax: frame.length - 5 })).toThrow(
    code,
  );
});
