/*
 * CRC-32 as zlib, Ethernet and PNG have it (ISO 3309, reflected polynomial 0xedb88320), eight bytes at a
 * time: "slicing-by-8" of M. Kounavis and F. Berry, "A systematic approach to building high performance
 * software-based CRC generators", 2005.
 */

const SLICES = 8;
const BYTE_VALUES = 256;
const tables = Array.from({ length: SLICES }, () => new Int32Array(BYTE_VALUES));

for (let byte = 0; byte < BYTE_VALUES; byte++) {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  tables[0]![byte] = crc;
}
for (let slice = 1; slice < SLICES; slice++) {
  for (let byte = 0; byte < BYTE_VALUES; byte++) {
    const before = tables[slice - 1]![byte]!;
    tables[slice]![byte] = (before >>> 8) ^ tables[0]![before & 0xff]!;
  }
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** The CRC-32 of bytes, as a number from 0 to below 2^32; `seed` is the CRC-32 of what stood before them. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    const low = crc ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24));
    crc =
      t7[low & 0xff]! ^
      t6[(low >>> 8) & 0xff]! ^
      t5[(low >>> 16) & 0xff]! ^
      t4[low >>> 24]! ^
      t3[bytes[at + 4]!]! ^
      t2[bytes[at + 5]!]! ^
      t1[bytes[at + 6]!]! ^
      t0[bytes[at + 7]!]!;
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}
