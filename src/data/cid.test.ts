import { createHash } from "node:crypto";
import fc from "fast-check";
import { base32 } from "multiformats/bases/base32";
import { CID } from "multiformats/cid";
import { create } from "multiformats/hashes/digest";
import { expect, test, vi } from "vitest";
import {
  type Codec,
  cidOf,
  cidOfDigest,
  codecOf,
  createCidHasher,
  isCid,
  isNamedBy,
  parseCid,
} from "./cid.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test("names bytes as IPFS does", () => {
  expect(cidOf(bytesOf("hello world"))).toBe("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  expect(cidOf(new Uint8Array(0))).toBe("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
});

test("names an empty folder as IPFS does", () => {
  expect(cidOf(new Uint8Array([0x0a, 2, 8, 1]), "dag-pb")).toBe(
    "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354",
  );
});

test("gives the same however the bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array()), (parts) => {
      const hasher = createCidHasher();
      for (const part of parts) hasher.update(part);
      expect(hasher.cid()).toBe(cidOf(new Uint8Array(Buffer.concat(parts))));
    }),
  );
});

test("gives the same without Node's hash", async () => {
  const getBuiltinModule = vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
  vi.resetModules();
  const portable = await import("./cid.ts");
  expect(getBuiltinModule).toHaveBeenCalledWith("node:crypto");
  getBuiltinModule.mockRestore();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(portable.cidOf(bytes)).toBe(cidOf(bytes));
    }),
  );
});

test("names a digest as the library does, and reads it as the library does", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.constantFrom<[Codec, number]>(["raw", 0x55], ["dag-pb", 0x70]),
      (digest, [codec, number]) => {
        const cid = CID.createV1(number, create(0x12, digest)).toString();
        expect(cidOfDigest(digest, codec)).toBe(cid);
        expect(Buffer.compare(parseCid(cid).digest, CID.parse(cid).multihash.digest)).toBe(0);
      },
    ),
  );
});

test("takes a CID apart", () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.constantFrom<Codec>("raw", "dag-pb"), (bytes, kind) => {
      const { cid, codec, digest } = parseCid(cidOf(bytes, kind));
      expect(cid).toBe(cidOf(bytes, kind));
      expect([codec, codecOf(cid)]).toEqual([kind, kind]);
      expect(cidOfDigest(digest, kind)).toBe(cid);
      expect([isNamedBy(bytes, cid), isNamedBy(new Uint8Array([...bytes, 0]), cid)]).toEqual([true, false]);
      expect(Buffer.from(digest)).toEqual(createHash("sha256").update(bytes).digest());
    }),
  );
});

test("knows what is no CID, also where only a bit of it is wrong", () => {
  const cid = cidOf(bytesOf("hello world"));
  const others = [
    "",
    "bafkrei",
    `${cid}x`,
    cid.slice(0, -1),
    cid.toUpperCase(),
    `../${cid}`,
    `${cid}\n`,
    // The padding bits of the last character must be zero, or one digest had several names.
    `${cid.slice(0, -1)}f`,
    // The same digest as dag-cbor, and as version 0.
    base32.encode(new Uint8Array([1, 0x71, 0x12, 32, ...parseCid(cid).digest])),
    "QmaozNR7DZHQK1ZcU9p7QdrshMvXqWK6gpu5rmrkPdT3L4",
    undefined,
    7,
  ];
  expect(isCid(cid)).toBe(true);
  for (const other of others) {
    expect(isCid(other), String(other)).toBe(false);
    expect(() => parseCid(other as string)).toThrow(expect.objectContaining({ code: "BAD_ARGUMENT" }));
  }
});
