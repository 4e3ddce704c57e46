/*
 * How a hub that lost its disk finds its way back: which catalogue it believes, and whom it asks for which block.
 * A catalogue's sequence rises with every change and is no smaller than the time of the change.
 */

/** What a hub keeps in mind of its catalogue. Times are milliseconds since 1970. */
export interface CatalogueMarks {
  /** Of the catalogue as it was given out last. */
  readonly sequence: number;
  /** Of the one that was taken back last. */
  readonly adopted: number;
  /** When the disk was found lost; 0: never. No catalogue that this hub gave out since has a smaller sequence. */
  readonly recoveredAtMs: number;
  /** The disk was lost, and nobody has said yet which catalogue it keeps, or somebody is about to. */
  readonly hearing: boolean;
}

export const noMarks: CatalogueMarks = { sequence: 0, adopted: 0, recoveredAtMs: 0, hearing: false };

/** The disk was found lost. What a backup knew is not asked for again. */
export const afterLoss = (marks: CatalogueMarks, wallMs: number): CatalogueMarks => ({
  ...marks,
  adopted: Math.max(marks.adopted, marks.sequence),
  recoveredAtMs: Math.floor(wallMs),
  hearing: true,
});

/** Whether a catalogue that a worker gave back says something that is not known: what this hub said after it had heard the others is no news to it. */
export const isNews = ({ adopted, recoveredAtMs, hearing }: CatalogueMarks, sequence: number): boolean =>
  sequence > adopted && (hearing || sequence <= recoveredAtMs);

/** A catalogue was taken back. Where clocks have gone back it may be of later than the loss. */
export const afterAdoption = (marks: CatalogueMarks, sequence: number): CatalogueMarks => ({
  ...marks,
  adopted: sequence,
  recoveredAtMs: Math.max(marks.recoveredAtMs, sequence),
});

/** Whoever is here has said which catalogue it keeps. */
export const afterHearing = (marks: CatalogueMarks): CatalogueMarks => ({ ...marks, hearing: false });

/** The catalogue is given out anew. */
export const afterPublishing = (marks: CatalogueMarks, wallMs: number): CatalogueMarks => ({
  ...marks,
  sequence: Math.max(Math.floor(wallMs), marks.sequence + 1, marks.adopted + 1, marks.recoveredAtMs + 1),
});

interface Entry {
  readonly name: string;
  readonly createdAtMs: number;
}

/**
 * Takes a catalogue of before for the truth about its time: what it does not name was removed by then.
 * @param asOfMs when it was made; what was put later stays
 * @returns names to be forgotten, and entries to be taken
 */
export function mergeCatalogue<T extends Entry>(
  own: readonly Entry[],
  catalogue: readonly T[],
  asOfMs: number,
): { readonly removed: readonly string[]; readonly taken: readonly T[] } {
  const named = new Set(catalogue.map(({ name }) => name));
  const later = new Set(own.filter(({ createdAtMs }) => createdAtMs > asOfMs).map(({ name }) => name));
  return {
    removed: own.map(({ name }) => name).filter((name) => !later.has(name) && !named.has(name)),
    taken: catalogue.filter(({ name }) => !later.has(name)),
  };
}

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
