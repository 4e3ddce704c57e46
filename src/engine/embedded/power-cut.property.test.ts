import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import { engineLimits } from "../options.ts";
import type { Position } from "../port.ts";
import { EmbeddedBlobs } from "./blobs.ts";
import { FakeDisk } from "./disk.fake.ts";
import { type Durability, EmbeddedJournal } from "./journal.ts";
import { EmbeddedRegistry } from "./registry.ts";

/*
 * The power goes before any operation of the disk, in the middle of appends that share writes, new segments,
 * drops, registry writes and blobs. Of what was not synced any byte and any name may be there or not. What
 * was acknowledged then, is there afterwards.
 */

type Step =
  | { readonly do: "append"; readonly batches: readonly number[] }
  | { readonly do: "drop"; readonly back: number }
  | { readonly do: "put" | "blob" | "sync" | "reopen" };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("append" as const),
      batches: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("drop" as const), back: fc.nat(10) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("put" as const, "blob", "sync", "reopen") }) },
);

const limits = engineLimits({ limits: { segmentBytesTarget: 300, syncIntervalMs: 3_600_000 } });
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

interface Parts {
  readonly journal: EmbeddedJournal;
  readonly registry: EmbeddedRegistry;
  readonly blobs: EmbeddedBlobs;
}

async function openOn(files: FakeDisk, durability: Durability, boot: string): Promise<Parts> {
  const strict = durability === "strict";
  const nowMs = () => 0;
  const directory = "/data";
  const blobs = await EmbeddedBlobs.open({
    files,
    directory: join(directory, "blobs"),
    limits,
    strict,
    nowMs,
  });
  const registry = await EmbeddedRegistry.open({ files, directory, limits, nowMs });
  const journal = await EmbeddedJournal.open({
    files,
    directory: join(directory, "journal"),
    limits,
    durability,
    salt: 7,
    boot,
  });
  return { journal, registry, blobs };
}

/** What must be there when the power goes now. */
interface Promised {
  /** Records, of which all before have been appended too. */
  records: number;
  /** Records that were given up. */
  dropped: number;
  value: number;
  readonly blobs: string[];
}

/** Does steps one after the other, and tells at each operation of the disk what is promised by then. */
async function live(
  disk: FakeDisk,
  steps: readonly Step[],
  durability: Durability,
  onOperation: (promised: Promised) => void,
): Promise<void> {
  const strict = durability === "strict";
  const promised: Promised = { records: 0, dropped: 0, value: 0, blobs: [] };
  const positions: Position[] = [];
  let parts = await openOn(disk, durability, "monday");
  disk.fault = () => {
    onOperation({ ...promised, blobs: [...promised.blobs] });
    return undefined;
  };
  let next = 0;
  let blob = 0;
  for (const each of steps) {
    if (each.do === "append") {
      const appends = each.batches.map((count) => {
        const texts = Array.from({ length: count }, () => String(next++));
        return parts.journal.append(texts.map(bytesOf)).then((given) => {
          positions.push(...given);
          if (strict) promised.records = positions.length;
        });
      });
      await Promise.all(appends);
    } else if (each.do === "drop") {
      const index = Math.max(promised.dropped, positions.length - 1 - each.back);
      if (positions[index] === undefined) continue;
      promised.dropped = index;
      await parts.journal.dropBefore(positions[index]);
    } else if (each.do === "put") {
      await parts.registry.put("key", bytesOf(String(promised.value + 1)));
      promised.value++;
    } else if (each.do === "blob") {
      const { cid } = await parts.blobs.put(bytesOf(`blob ${blob++}`));
      if (strict) promised.blobs.push(cid);
    } else if (each.do === "sync") {
      await parts.journal.sync();
      promised.records = positions.length;
    } else {
      await parts.journal.close();
      promised.records = positions.length;
      parts = await openOn(disk, durability, "monday");
    }
  }
  await parts.journal.close();
}

async function compare(disk: FakeDisk, promised: Promised, durability: Durability): Promise<void> {
  const { journal, registry, blobs } = await openOn(disk, durability, "tuesday");
  const records: number[] = [];
  for await (const { record } of journal.read()) records.push(Number(textOf(record)));
  // One after the other, from one that may be dropped on, to at least the last that was promised.
  const first = records[0] ?? promised.records;
  expect(records).toEqual(records.map((_, index) => first + index));
  expect(first).toBeLessThanOrEqual(promised.dropped);
  if (promised.records > promised.dropped) {
    expect(first + records.length).toBeGreaterThanOrEqual(promised.records);
  }
  const value = Number(textOf((await registry.get("key"))?.value ?? bytesOf("0")));
  expect([promised.value, promised.value + 1]).toContain(value);
  for (const cid of promised.blobs) {
    const parts: Uint8Array[] = [];
    for await (const part of blobs.read(cid)) parts.push(part);
    expect(cidOf(Buffer.concat(parts))).toBe(cid);
  }
  await journal.append([bytesOf(String(first + records.length))]);
  await journal.close();
}

test.each(["strict", "default"] as const)(
  "durability %s keeps what it promised",
  async (durability) => {
    const chance = fc.array(fc.nat(99), { minLength: 8, maxLength: 8 });
    let cuts = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 25 }),
        fc.nat(400),
        chance,
        fc.constantFrom(0, 30, 100),
        async (steps, cutAt, dice, share) => {
          const disk = new FakeDisk();
          let operation = 0;
          let syncs = 0;
          disk.syncTurns = () => dice[syncs++ % dice.length]!;
          let after: { disk: FakeDisk; promised: Promised } | undefined;
          const roll = (index: number) => dice[(index * 7 + (index >> 3)) % dice.length]! < share;
          await live(disk, steps, durability, (promised) => {
            if (operation++ !== cutAt) return;
            let names = 0;
            after = { disk: disk.afterPowerCut(roll, () => roll(names++)), promised };
          });
          after ??= { disk: disk.afterPowerCut(), promised: await everything(disk, durability) };
          cuts++;
          await compare(after.disk, after.promised, durability);
        },
      ),
      { numRuns: 600 },
    );
    expect(cuts).toBeGreaterThanOrEqual(600);
  },
  120_000,
);

/** Of a disk whose journal was closed: all that is there. */
async function everything(disk: FakeDisk, durability: Durability): Promise<Promised> {
  const { journal, registry } = await openOn(disk.afterKill(), durability, "monday");
  const records: number[] = [];
  for await (const { record } of journal.read()) records.push(Number(textOf(record)));
  const value = Number(textOf((await registry.get("key"))?.value ?? bytesOf("0")));
  const first = records[0] ?? 0;
  await journal.close();
  return { records: first + records.length, dropped: first, value, blobs: [] };
}
