import { join } from "node:path";
import { afterEach } from "vitest";
import { engineLimits } from "../options.ts";
import type { JournalEntry } from "../port.ts";
import type { FakeDisk } from "./disk.fake.ts";
import { type Durability, EmbeddedJournal } from "./journal.ts";
import { baseOfName, segmentName } from "./segment.ts";

/* Journals on fake disks, for tests. */

export const directory = "/data/journal";
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const opened: EmbeddedJournal[] = [];

/** Journals of processes that "died" are closed in the end too, on their own disk, which nobody looks at. */
afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close().catch(() => {});
});

export async function openOn(
  disk: FakeDisk,
  durability: Durability = "default",
  segmentBytesTarget = 1 << 20,
  { boot = "", syncIntervalMs = 3_600_000 } = {},
) {
  const limits = engineLimits({
    limits: { segmentBytesTarget, storageRetryMinMs: 1, storageRetryMaxMs: 2, syncIntervalMs },
  });
  const options = { files: disk, directory, limits, durability, salt: 12345, boot };
  const journal = await EmbeddedJournal.open(options);
  opened.push(journal);
  return journal;
}

export async function readAll(journal: EmbeddedJournal): Promise<string[]> {
  const entries: JournalEntry[] = [];
  for await (const entry of journal.read()) entries.push(entry);
  return entries.map(({ record }) => textOf(record));
}

export const pathOf = (base: number): string => join(directory, segmentName(base));

export async function segmentsOf(disk: FakeDisk): Promise<number[]> {
  const names = await disk.list(directory);
  return names.flatMap((name) => baseOfName(name) ?? []).sort((a, b) => a - b);
}

/** Resolves when the disk refused something so many times. */
export function refusing(disk: FakeDisk, fault: FakeDisk["fault"], times = 1): Promise<void> {
  let left = times;
  return new Promise((resolve) => {
    disk.fault = (operation, path) => {
      const refusal = fault(operation, path);
      if (refusal !== undefined && --left === 0) resolve();
      return refusal;
    };
  });
}

export const numbered = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, index) => `record ${from + index}`);

export async function fill(journal: EmbeddedJournal, from: number, to: number): Promise<void> {
  for (const text of numbered(from, to)) await journal.append([bytesOf(text)]);
}
