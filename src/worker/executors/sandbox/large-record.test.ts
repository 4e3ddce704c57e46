import { expect, test } from "vitest";
import { RecordReader } from "../../../protocol/index.ts";
import { encodePieces, FrameReader, frameKinds, newFrame, PIECE_BYTES } from "./frames.ts";
import { LargeRecord } from "./large-record.ts";

/** What comes out of a pipe that cuts frames anywhere. */
function throughPipe(
  frames: Iterable<Uint8Array>,
  chunkBytes: number,
): [kind: number, payload: Uint8Array][] {
  const received: [number, Uint8Array][] = [];
  const reader = new FrameReader(2 ** 31, (kind, payload) => received.push([kind, payload.slice()]));
  for (const frame of frames) {
    for (let at = 0; at < frame.length; at += chunkBytes) reader.push(frame.slice(at, at + chunkBytes));
  }
  return received;
}

test("a large record comes through a pipe whole, whatever the pipe cuts", () => {
  const record = Uint8Array.from({ length: 2.5 * PIECE_BYTES }, (_, at) => at % 251);
  for (const chunkBytes of [PIECE_BYTES / 2 + 1, PIECE_BYTES + 9, 3 * PIECE_BYTES]) {
    const large = new LargeRecord(record.length, record.length);
    for (const [kind, payload] of throughPipe(encodePieces(record), chunkBytes)) {
      expect(kind).toBe(frameKinds.piece);
      expect(large.whole).toBe(false);
      large.add(payload);
    }
    expect(large.whole).toBe(true);
    const reader = new RecordReader(large.block);
    expect(Buffer.compare(reader.read()!, record)).toBe(0);
    expect(reader.read()).toBeUndefined();
  }
});

test("frames come through byte by byte", () => {
  const frames = [newFrame(3, 0), newFrame(4, 7), newFrame(5, 1)];
  for (const chunkBytes of [1, 2, 5, 6, 100]) {
    const kinds = throughPipe(frames, chunkBytes).map(([kind, { length }]) => [kind, length]);
    expect(kinds).toEqual([
      [3, 0],
      [4, 7],
      [5, 1],
    ]);
  }
});

test("what does not fit is no piece", () => {
  const payload = (recordBytes: number, pieceBytes: number) => {
    const bytes = new Uint8Array(4 + pieceBytes);
    new DataView(bytes.buffer).setUint32(0, recordBytes, true);
    return bytes;
  };
  expect(() => new LargeRecord(11, 10)).toThrow(/11 bytes/);
  expect(() => new LargeRecord(0, 10)).toThrow(/0 bytes/);
  const large = new LargeRecord(10, 10);
  large.add(payload(10, 6));
  for (const wrong of [payload(9, 4), payload(10, 0), payload(10, 5)]) {
    expect(() => large.add(wrong)).toThrow(/does not fit/);
  }
  expect(() => large.add(new Uint8Array(3))).toThrow(RangeError);
  expect(large.whole).toBe(false);
});
