import fc from "fast-check";
import { expect, test } from "vitest";
import { ChunkPool } from "../../../data/index.ts";
import { engineLimits } from "../../options.ts";
import type { NamedBlock } from "../../port.ts";
import { EmbeddedBlobs } from "../blobs.ts";
import { FakeDisk } from "../disk.fake.ts";
import {
  block,
  directDisk,
  directory,
  expectAll,
  expectYoungestOpen,
  outcomeOf,
} from "./packed-blobs.fake.ts";

/*
 * Two packs are written at the same time, from memory of their own and from where blocks are; writes end in any order
 * and fail, blocks are deleted and stored again, and the process is killed in between. What was said to be stored is
 * there, and nothing is taken for damage.
 */

const CHUNK_BYTES = 524_288;
const limits = engineLimits({ limits: { packBytesTarget: 3_000_000 } });

/** Large ones that stay, large ones that are copied, small ones. */
const all = [
  ...Array.from({ length: 6 }, (_, at) => block(String.fromCharCode(65 + at).repeat(CHUNK_BYTES))),
  ...Array.from({ length: 4 }, (_, at) => block(String.fromCharCode(97 + at).repeat(CHUNK_BYTES - at - 1))),
  ...Array.from({ length: 4 }, (_, at) => block(`small ${at}`)),
];

interface Step {
  readonly do: "batch" | "end" | "refuse" | "delete" | "close" | "kill";
  readonly at: number;
  readonly count: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom("batch", "batch", "batch", "end", "end", "refuse", "delete", "close", "kill"),
  at: fc.nat({ max: all.length - 1 }),
  count: fc.integer({ min: 1, max: all.length }),
});

/** One process with the store; its writes past the cache end when they are told so. */
class Life {
  readonly disk: FakeDisk;
  readonly #held: ((code?: string) => Promise<void>)[] = [];
  readonly #pool = new ChunkPool(CHUNK_BYTES, { atPages: true });
  readonly #stored: Set<string>;
  readonly #under = new Set<Promise<void>>();
  #given = 0;
  #released = 0;
  #isOver = false;
  atOnce = 0;
  blobs!: EmbeddedBlobs;

  /** @param stored is told what was said to be stored */
  constructor(disk: FakeDisk, stored: Set<string>) {
    this.#stored = stored;
    this.disk = directDisk(
      (write, pieces, offset) =>
        new Promise((resolve, reject) => {
          this.#held.push(async (code) => {
            if (code !== undefined) reject(Object.assign(new Error(code), { code }));
            else resolve(await write(pieces, offset));
          });
          this.atOnce = Math.max(this.atOnce, this.#held.length);
        }),
      disk,
    );
  }

  async open(): Promise<this> {
    const clock = { nowMs: () => 0, clockMs: () => 0 };
    this.blobs = await EmbeddedBlobs.open({ files: this.disk, directory, limits, strict: false, ...clock });
    return this;
  }

  #block(at: number): NamedBlock {
    const { cid, bytes } = all[at % all.length]!;
    if (bytes.length !== CHUNK_BYTES) return { cid, bytes };
    const chunk = this.#pool.take();
    chunk.set(bytes);
    this.#given++;
    const release = () => {
      this.#released++;
      this.#pool.give(chunk.fill(0));
    };
    return { cid, bytes: chunk, release };
  }

  put(at: number, count: number): void {
    const blocks = Array.from({ length: count }, (_, index) => this.#block(at + index));
    const under = outcomeOf(this.blobs.putBatch(blocks)).then((outcome) => {
      this.#under.delete(under);
      if (outcome === "ok" && !this.#isOver) for (const { cid } of blocks) this.#stored.add(cid);
      // Those behind one that was refused were not asked for.
      if (outcome !== "ok") this.#given = Number.NaN;
    });
    this.#under.add(under);
  }

  async end(at: number, code?: string): Promise<void> {
    if (this.#held.length > 0) await this.#held.splice(at % this.#held.length, 1)[0]!(code);
    await new Promise(setImmediate);
  }

  /** Ends what is held until something is over. */
  async until(over: Promise<void>): Promise<void> {
    let isOver = false;
    const ended = over.finally(() => {
      isOver = true;
    });
    while (!isOver) await this.end(0);
    await ended;
  }

  async settle(): Promise<void> {
    while (this.#under.size > 0) await this.end(0);
    if (!Number.isNaN(this.#given)) expect(this.#released).toBe(this.#given);
  }

  kill(): FakeDisk {
    this.#isOver = true;
    return this.disk.afterKill();
  }
}

test("what was said to be stored is there, whatever two packs went through", async () => {
  let atOnce = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25, size: "max" }), async (steps) => {
      const stored = new Set<string>();
      let life = await new Life(new FakeDisk(), stored).open();
      for (const { do: what, at, count } of steps) {
        if (what === "batch") life.put(at, count);
        else if (what === "end" || what === "refuse") await life.end(at, what === "end" ? undefined : "EIO");
        else if (what === "kill") life = await new Life(life.kill(), stored).open();
        else {
          await life.settle();
          if (what === "delete") {
            await life.blobs.delete(all[at]!.cid);
            stored.delete(all[at]!.cid);
          } else {
            await life.until(life.blobs.close());
            life = await new Life(life.kill(), stored).open();
          }
        }
        atOnce = Math.max(atOnce, life.atOnce);
      }
      await life.settle();
      await life.until(life.blobs.idle());
      await expectYoungestOpen(life.disk);
      const expected = all.filter(({ cid }) => stored.has(cid));
      await expectAll(life.blobs, expected);
      const after = await new Life(life.kill(), stored).open();
      await expectAll(after.blobs, expected);
      expect(after.blobs.damage.text).toBeNull();
    }),
    { numRuns: 30 },
  );
  expect(atOnce).toBe(2);
}, 120_000);
