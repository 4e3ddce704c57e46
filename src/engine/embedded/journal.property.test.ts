import fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryJournal } from "../memory/journal.ts";
import { engineLimits } from "../options.ts";
import type { Journal, Position } from "../port.ts";
import { FakeDisk } from "./disk.fake.ts";
import { EmbeddedJournal } from "./journal.ts";

/*
 * The embedded journal does what the memory journal does, whatever comes after what, although it is
 * killed and opened again in between.
 */

type Step =
  | { readonly do: "append"; readonly batches: readonly (readonly Uint8Array[])[] }
  | { readonly do: "get" | "dropBefore" | "read"; readonly pick: number }
  | { readonly do: "kill" | "powerCut" | "close" };

const record = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 300, maxLength: 700 }) },
);
const pick = fc.nat(10_000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      batches: fc.array(fc.array(record, { maxLength: 5 }), { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("get" as const, "dropBefore", "read"), pick }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("kill" as const, "powerCut", "close") }) },
);

/** Both journals, and which position of one is which of the other's. */
class Pair {
  readonly #limits = engineLimits({ limits: { segmentBytesTarget: 400, commitBytesMax: 200 } });
  readonly #model = new MemoryJournal(this.#limits);
  #disk = new FakeDisk();
  #real!: EmbeddedJournal;
  #modelPositions: Position[] = [];
  #realPositions: Position[] = [];
  #dropped = 0;

  async open(): Promise<this> {
    const { limits, files } = { limits: this.#limits, files: this.#disk };
    this.#real = await EmbeddedJournal.open({
      files,
      directory: "/journal",
      limits,
      durability: "strict",
      salt: 99,
    });
    expect(this.#real.recovery).toBeUndefined();
    return this;
  }

  async run(each: Step): Promise<void> {
    switch (each.do) {
      case "append": {
        const append = (journal: Journal) =>
          Promise.all(each.batches.map((records) => journal.append(records)));
        const [given, expected] = [await append(this.#real), await append(this.#model)];
        expect(given.map((positions) => positions.length)).toEqual(
          expected.map((positions) => positions.length),
        );
        this.#realPositions.push(...given.flat());
        this.#modelPositions.push(...expected.flat());
        break;
      }
      case "get": {
        const index = this.#pick(each.pick);
        if (index === undefined || index < this.#dropped) return;
        const expected = await this.#model.get(this.#modelPositions[index]!);
        expect(await this.#real.get(this.#realPositions[index]!)).toEqual(expected);
        break;
      }
      case "read": {
        const index = Math.max(this.#dropped, this.#pick(each.pick) ?? 0);
        await this.compareFrom(index);
        break;
      }
      case "dropBefore": {
        const index = this.#pick(each.pick);
        if (index === undefined) return;
        await this.#real.dropBefore(this.#realPositions[index]!);
        await this.#model.dropBefore(this.#modelPositions[index]!);
        this.#dropped = Math.max(this.#dropped, index);
        break;
      }
      case "close":
        await this.#real.close();
        await this.open();
        break;
      case "kill":
      case "powerCut": {
        const left = each.do === "kill" ? this.#disk.afterKill() : this.#disk.afterPowerCut();
        await this.#real.close();
        this.#disk = left;
        await this.open();
        break;
      }
    }
  }

  async compareFrom(index: number): Promise<void> {
    const content = async (journal: Journal, from: Position) => {
      const records: string[] = [];
      const positions: Position[] = [];
      for await (const entry of journal.read(from)) {
        records.push(Buffer.from(entry.record).toString("hex"));
        positions.push(entry.position);
      }
      return { records, positions };
    };
    const none = Number.MAX_SAFE_INTEGER;
    const real = await content(this.#real, this.#realPositions[index] ?? none);
    const model = await content(this.#model, this.#modelPositions[index] ?? none);
    expect(real.records).toEqual(model.records);
    expect(real.positions).toEqual(this.#realPositions.slice(index));
  }

  async finish(): Promise<void> {
    await this.compareFrom(this.#dropped);
    const { records } = this.#real.stats();
    expect(records).toBeGreaterThanOrEqual(this.#realPositions.length - this.#dropped);
    expect(records).toBeLessThanOrEqual(this.#realPositions.length);
    await this.#real.close();
  }

  #pick(number: number): number | undefined {
    const count = this.#realPositions.length;
    return count === 0 ? undefined : number % count;
  }
}

test("the embedded journal does what the memory journal does, across crashes", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const pair = await new Pair().open();
      for (const each of steps) await pair.run(each);
      await pair.finish();
    }),
    { numRuns: 200 },
  );
});
