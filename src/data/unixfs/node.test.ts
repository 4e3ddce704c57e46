import { encode } from "@ipld/dag-pb";
import fc from "fast-check";
import { UnixFS } from "ipfs-unixfs";
import { expect, test } from "vitest";
import { cidOf } from "../cid.ts";
import { decodeNode, encodeFileNode } from "./node.ts";

const partOf = (bytes: number) => ({ cid: cidOf(Uint8Array.of(bytes & 255)), bytes, treeBytes: bytes + 14 });
const GIB = 2 ** 30;

test("a file's node says how long its parts are, also those of 2 to 4 GiB", () => {
  const bytes = fc.oneof(fc.integer({ min: 1, max: 300_000 }), fc.integer({ min: GIB, max: 20 * GIB }));
  fc.assert(
    fc.property(fc.array(bytes, { minLength: 1, maxLength: 174 }), (sizes) => {
      const parts = sizes.map(partOf);
      const { cid, block } = encodeFileNode(parts);
      expect(decodeNode(cid, block)).toEqual({
        kind: "file",
        bytes: sizes.reduce((sum, size) => sum + size, 0),
        content: new Uint8Array(0),
        parts: parts.map((part) => ({ cid: part.cid, bytes: part.bytes })),
      });
    }),
    { examples: [[[2 ** 31]], [[2 ** 31 - 1, 1]], [[2 ** 32 - 1]], [[2 ** 32]], [[3e9, 3e9]]] },
  );
});

test("its message is that of the library, where that is right", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 1_000_000 }), { minLength: 1, maxLength: 174 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const { block } = encodeFileNode(lengths.map(partOf));
      const message = new UnixFS({ type: "file", blockSizes: lengths.map(BigInt) }).marshal();
      // The message is the last field of the node.
      expect(Buffer.compare(block.subarray(block.length - message.length), message)).toBe(0);
    }),
  );
});

test("a link that another program made is a file that holds where it leads", () => {
  const target = new TextEncoder().encode("../elsewhere");
  const block = encode({ Data: new UnixFS({ type: "symlink", data: target }).marshal(), Links: [] });
  expect(decodeNode(cidOf(block, "dag-pb"), block)).toEqual({
    kind: "file",
    bytes: target.length,
    content: target,
    parts: [],
  });
});
