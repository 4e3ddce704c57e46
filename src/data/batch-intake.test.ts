import fc from "fast-check";
import { expect, test } from "vitest";
import { BatchIntake } from "./batch-intake.ts";
import { type BatchBlock, packBlocks } from "./block-batch.ts";
import { cidOf } from "./cid.ts";

const anyBlocks = fc.array(
  fc.uint8Array({ maxLength: 100 }).map((bytes) => ({ bytes, cid: cidOf(bytes) })),
  { maxLength: 6 },
);

test("blocks come out as they went in, however they are cut and whenever there is room for them", () => {
  fc.assert(
    fc.property(anyBlocks, fc.integer({ min: 1, max: 300 }), fc.nat(2), (blocks, length, refusals) => {
      const body = packBlocks(blocks);
      const come: BatchBlock[] = [];
      let refused = 0;
      const intake = new BatchIntake({
        blockBytesMax: 100,
        room: (bytes) => {
          if (refused++ < refusals) return undefined;
          refused = 0;
          return new Uint8Array(bytes);
        },
        onBlock: (block) => come.push(block),
      });
      for (let at = 0; at < body.length; at += length) {
        let isTaken = intake.pour(body.subarray(at, at + length));
        while (!isTaken) isTaken = intake.resume();
      }
      intake.end();
      expect(come).toEqual(blocks);
    }),
  );
});
