import type { Random } from "../../src/simulator/index.ts";

/* What damages, cuts and forges: from the bytes of something right, bytes of something nearly right. */

/** Values that stand at the edges of what decoders count with. */
const edges = [0, 1, 0x17, 0x18, 0x7f, 0x80, 0x9b, 0xbb, 0xd8, 0xf7, 0xfb, 0xfe, 0xff];

type Mutation = (bytes: Uint8Array, random: Random, other: Uint8Array) => Uint8Array;

const flip: Mutation = (bytes, random) => {
  const at = random.int(bytes.length);
  bytes[at]! ^= 1 << random.int(8);
  return bytes;
};

const overwrite: Mutation = (bytes, random) => {
  bytes[random.int(bytes.length)] = edges[random.int(edges.length)]!;
  return bytes;
};

/** A length or a count that was never there: four or eight bytes of ones, zeroes or a sign bit. */
const bomb: Mutation = (bytes, random) => {
  const at = random.int(bytes.length);
  const fill = [0xff, 0x00, 0x80, 0x7f][random.int(4)]!;
  return bytes.fill(fill, at, Math.min(bytes.length, at + (random.chance(0.5) ? 4 : 8)));
};

const cut: Mutation = (bytes, random) => bytes.subarray(0, random.int(bytes.length));

const drop: Mutation = (bytes, random) => {
  const from = random.int(bytes.length);
  const to = from + 1 + random.int(8);
  return joined(bytes.subarray(0, from), bytes.subarray(to));
};

const repeat: Mutation = (bytes, random) => {
  const from = random.int(bytes.length);
  const to = from + 1 + random.int(16);
  return joined(bytes.subarray(0, to), bytes.subarray(from));
};

const insert: Mutation = (bytes, random) => {
  const noise = Uint8Array.from({ length: 1 + random.int(12) }, () => random.int(256));
  const at = random.int(bytes.length + 1);
  return joined(bytes.subarray(0, at), noise, bytes.subarray(at));
};

/** Nests what is there: arrays of arrays, tags of tags. */
const nest: Mutation = (bytes, random) => {
  const depth = 1 + random.int(random.chance(0.02) ? 20_000 : 40);
  return joined(new Uint8Array(depth).fill(random.chance(0.5) ? 0x81 : 0xc1), bytes);
};

const swap: Mutation = (bytes, random) => {
  const [low = 0, middle = 0, high = 0] = [0, 0, 0]
    .map(() => random.int(bytes.length + 1))
    .sort((a, b) => a - b);
  return joined(
    bytes.subarray(0, low),
    bytes.subarray(middle, high),
    bytes.subarray(low, middle),
    bytes.subarray(high),
  );
};

const splice: Mutation = (bytes, random, other) =>
  joined(bytes.subarray(0, random.int(bytes.length + 1)), other.subarray(random.int(other.length + 1)));

const mutations: readonly Mutation[] = [
  flip,
  flip,
  overwrite,
  bomb,
  cut,
  drop,
  repeat,
  insert,
  nest,
  swap,
  splice,
];

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes made from one of the samples by one to four mutations; now and then a sample as it is, or mere noise. */
export function mutant(samples: readonly Uint8Array[], random: Random): Uint8Array {
  if (random.chance(0.02)) return Uint8Array.from({ length: random.int(64) }, () => random.int(256));
  const pick = () => samples[random.int(samples.length)]!;
  let bytes: Uint8Array = pick().slice();
  if (random.chance(0.03)) return bytes;
  for (let times = 1 + random.int(4); times > 0 && bytes.length > 0; times--) {
    bytes = mutations[random.int(mutations.length)]!(bytes.slice(), random, pick());
  }
  return bytes;
}
