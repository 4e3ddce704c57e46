/*
 * XXH64 with seed 0 (xxHash specification, 0.1.1), of which zstd keeps the lower half. In halves of 32 bits: bigints take
 * ten times as long.
 */

const STRIPE_BYTES = 32;

/** Of each prime the upper and the lower half. */
const P1 = [0x9e3779b1, 0x85ebca87] as const;
const P2 = [0xc2b2ae3d, 0x27d4eb4f] as const;
const P3 = [0x165667b1, 0x9e3779f9] as const;
const P4 = [0x85ebca77, 0xc2b2ae63] as const;
const P5 = [0x27d4eb2f, 0x165667c5] as const;

type Halves = readonly [high: number, low: number];

/** Sums and products, modulo 2^64: here, and not given back, because they are needed a hundred million times. */
let high = 0;
let low = 0;

function multiply(aHigh: number, aLow: number, [bHigh, bLow]: Halves): void {
  const a0 = aLow & 0xffff;
  const a1 = aLow >>> 16;
  const b0 = bLow & 0xffff;
  const b1 = bLow >>> 16;
  const lowest = a0 * b0;
  const middle = a1 * b0 + (lowest >>> 16);
  const other = a0 * b1 + (middle & 0xffff);
  high = (a1 * b1 + (middle >>> 16) + (other >>> 16) + Math.imul(aHigh, bLow) + Math.imul(aLow, bHigh)) | 0;
  low = (other << 16) | (lowest & 0xffff);
}

function add(aHigh: number, aLow: number, bHigh: number, bLow: number): void {
  const sum = (aLow >>> 0) + (bLow >>> 0);
  high = (aHigh + bHigh + (sum > 0xffffffff ? 1 : 0)) | 0;
  low = sum | 0;
}

/** Turns what is in `high` and `low` to the left by less than 32 bits. */
function rotate(bits: number): void {
  const turned = (high << bits) | (low >>> (32 - bits));
  low = (low << bits) | (high >>> (32 - bits));
  high = turned;
}

/** A lane's next value, of its last one and 64 bits of input. */
function round(accHigh: number, accLow: number, inHigh: number, inLow: number): void {
  multiply(inHigh, inLow, P2);
  add(high, low, accHigh, accLow);
  rotate(31);
  multiply(high, low, P1);
}

const wordAt = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);

/** A hash of bytes that come in pieces. */
export class Xxh64 {
  /** Of each of the four lanes the upper and the lower half. */
  readonly #lanes = new Int32Array(8);
  /** The beginning of a stripe. */
  readonly #rest = new Uint8Array(STRIPE_BYTES);
  #filled = 0;
  #length = 0;

  constructor() {
    add(P1[0], P1[1], P2[0], P2[1]);
    this.#setLane(0);
    [high, low] = P2;
    this.#setLane(1);
    [high, low] = [0, 0];
    this.#setLane(2);
    add(~P1[0], ~P1[1], 0, 1);
    this.#setLane(3);
  }

  update(bytes: Uint8Array): void {
    this.#length += bytes.length;
    let at = 0;
    if (this.#filled > 0) {
      at = Math.min(STRIPE_BYTES - this.#filled, bytes.length);
      this.#rest.set(bytes.subarray(0, at), this.#filled);
      this.#filled += at;
      if (this.#filled < STRIPE_BYTES) return;
      this.#stripe(this.#rest, 0);
    }
    for (; at + STRIPE_BYTES <= bytes.length; at += STRIPE_BYTES) this.#stripe(bytes, at);
    this.#rest.set(bytes.subarray(at));
    this.#filled = bytes.length - at;
  }

  /** The lower 32 bits, without sign. Nothing may be added afterwards. */
  lowerHalf(): number {
    if (this.#length < STRIPE_BYTES) [high, low] = P5;
    else this.#joinLanes();
    add(high, low, Math.floor(this.#length / 0x1_0000_0000), this.#length | 0);
    this.#takeRest();
    multiply(high ^ 0, low ^ (high >>> 1), P2);
    // The shift by 29 moves bits from the upper half into the lower one.
    multiply(high ^ (high >>> 29), low ^ ((low >>> 29) | (high << 3)), P3);
    return (low ^ high) >>> 0;
  }

  #setLane(lane: number): void {
    this.#lanes[2 * lane] = high;
    this.#lanes[2 * lane + 1] = low;
  }

  #stripe(bytes: Uint8Array, from: number): void {
    const lanes = this.#lanes;
    for (let at = 0; at < 8; at += 2) {
      const start = from + 4 * at;
      round(lanes[at]!, lanes[at + 1]!, wordAt(bytes, start + 4), wordAt(bytes, start));
      lanes[at] = high;
      lanes[at + 1] = low;
    }
  }

  #joinLanes(): void {
    const lanes = this.#lanes;
    let sumHigh = 0;
    let sumLow = 0;
    for (const [lane, bits] of [1, 7, 12, 18].entries()) {
      high = lanes[2 * lane]!;
      low = lanes[2 * lane + 1]!;
      rotate(bits);
      add(high, low, sumHigh, sumLow);
      sumHigh = high;
      sumLow = low;
    }
    for (let at = 0; at < 8; at += 2) {
      round(0, 0, lanes[at]!, lanes[at + 1]!);
      multiply(high ^ sumHigh, low ^ sumLow, P1);
      add(high, low, P4[0], P4[1]);
      sumHigh = high;
      sumLow = low;
    }
  }

  #takeRest(): void {
    const rest = this.#rest;
    let at = 0;
    for (; at + 8 <= this.#filled; at += 8) {
      const [hashHigh, hashLow] = [high, low];
      round(0, 0, wordAt(rest, at + 4), wordAt(rest, at));
      high ^= hashHigh;
      low ^= hashLow;
      rotate(27);
      multiply(high, low, P1);
      add(high, low, P4[0], P4[1]);
    }
    if (at + 4 <= this.#filled) {
      const [hashHigh, hashLow] = [high, low];
      multiply(0, wordAt(rest, at), P1);
      high ^= hashHigh;
      low ^= hashLow;
      rotate(23);
      multiply(high, low, P2);
      add(high, low, P3[0], P3[1]);
      at += 4;
    }
    for (; at < this.#filled; at++) {
      const [hashHigh, hashLow] = [high, low];
      multiply(0, rest[at]!, P5);
      high ^= hashHigh;
      low ^= hashLow;
      rotate(11);
      multiply(high, low, P1);
    }
  }
}
