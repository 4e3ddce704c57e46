/*
 * How a hub that lost its disk finds its way back: which catalogue it believes, and whom it asks for which block.
 * A catalogue's sequence rises with every change and is no smaller than the time of the change.
 */

import { common, isMore, isWithin, type Span, united } from "./hearsay.ts";

/** What a hub keeps in mind of its catalogue. Times are milliseconds since 1970. */
export interface CatalogueMarks {
  /** Of the catalogue as it was given out last. */
  readonly sequence: number;
  /** Of the latest one that was taken back. */
  readonly adopted: number;
  /** When the disk was found lost; 0: never. No catalogue that this hub gave out since has a smaller sequence. */
  readonly recoveredAtMs: number;
  /** The disk was lost, and nobody has said yet which catalogue it keeps, or somebody is about to. */
  readonly hearing: boolean;
  /** Of these times it is not known what was put and removed: they were before a loss. */
  readonly unheard: readonly Span[];
}

/** What a worker gave back, as far as it says what it knows. */
export interface CatalogueSpan {
  readonly sequence: number;
  /** What the hub had not heard of when it gave it out; undefined: of a version that did not say so. */
  readonly unheard: readonly Span[] | undefined;
}

export const noMarks: CatalogueMarks = {
  sequence: 0,
  adopted: 0,
  recoveredAtMs: 0,
  hearing: false,
  unheard: [],
};

const knownUntil = ({ sequence, adopted }: CatalogueMarks): number => Math.max(sequence, adopted);

/** The disk was found lost. What a backup knew is not asked for again. */
export const afterLoss = (marks: CatalogueMarks, wallMs: number): CatalogueMarks => ({
  ...marks,
  adopted: knownUntil(marks),
  recoveredAtMs: Math.floor(wallMs),
  hearing: true,
  unheard: united([...marks.unheard, [knownUntil(marks), Math.floor(wallMs)]]),
});

/** What the hub does not know. While it hears others that has no end: the clock may have gone back. */
export const unheardBy = (marks: CatalogueMarks): readonly Span[] =>
  marks.hearing ? united([...marks.unheard, [knownUntil(marks), Number.POSITIVE_INFINITY]]) : marks.unheard;

/** What a catalogue does not know. */
export const unsaidBy = ({ sequence, unheard = [] }: CatalogueSpan): readonly Span[] =>
  united([...unheard, [sequence, Number.POSITIVE_INFINITY]]);

/** Whether a catalogue that a worker gave back says something that is not known: what this hub said after it had heard the others is no news to it. */
export function isNews(marks: CatalogueMarks, said: CatalogueSpan): boolean {
  const unheard = unheardBy(marks);
  return said.unheard === undefined ? isWithin(unheard, said.sequence) : isMore(unheard, unsaidBy(said));
}

/** A catalogue was taken back. Where clocks have gone back it may be of later than the loss. */
export function afterAdoption(marks: CatalogueMarks, said: CatalogueSpan): CatalogueMarks {
  const adopted = Math.max(marks.adopted, said.sequence);
  const recoveredAtMs = Math.max(marks.recoveredAtMs, said.sequence);
  const past: Span = [Number.NEGATIVE_INFINITY, recoveredAtMs];
  const unheard = common(common(unheardBy(marks), unsaidBy(said)), [past]);
  return { ...marks, adopted, recoveredAtMs, unheard };
}

/** Whoever is here has said which catalogue it keeps. */
export const afterHearing = (marks: CatalogueMarks): CatalogueMarks => ({ ...marks, hearing: false });

/** The catalogue is given out anew. */
export const afterPublishing = (marks: CatalogueMarks, wallMs: number): CatalogueMarks => ({
  ...marks,
  sequence: Math.max(Math.floor(wallMs), marks.sequence + 1, marks.adopted + 1, marks.recoveredAtMs + 1),
});

/** What is put from now on is put after this: in none of the catalogues that are out, and since the loss. */
export const putsAfter = ({ sequence, recoveredAtMs }: CatalogueMarks): number =>
  Math.max(sequence, recoveredAtMs);

/**
 * Who is asked for which missing block: of those who keep it, whoever has least to do and was not asked for it yet.
 * @param asked whom each block was asked of before; gets those that are asked now
 */
export function sharedOrders(
  missing: Iterable<string>,
  asked: ReadonlyMap<string, Set<string>>,
  holdersOf: (cid: string) => readonly string[],
): Map<string, string[]> {
  const orders = new Map<string, string[]>();
  const load = (worker: string) => orders.get(worker)?.length ?? 0;
  for (const cid of missing) {
    const before = asked.get(cid)!;
    const [best] = holdersOf(cid)
      .filter((worker) => !before.has(worker))
      .toSorted((a, b) => load(a) - load(b));
    if (best === undefined) continue;
    before.add(best);
    orders.set(best, [...(orders.get(best) ?? []), cid]);
  }
  return orders;
}
