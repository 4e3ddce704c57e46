/*
 * What a catalogue knows. Names are put and removed at times that never repeat; a catalogue knows all of them up to its
 * own sequence but those that the hub behind it had not heard of since a disk was lost. Two of them are merged as
 * observed-remove sets are (Bieniusa et al., "An optimized conflict-free replicated set", 2012): what one names and the
 * other does not was removed if the other knows of that time, and is news to it if not. So no removal has to be kept
 * in mind, and it does not matter who is heard first.
 */

/** Times after the first and up to the second, in milliseconds since 1970. */
export type Span = readonly [afterMs: number, untilMs: number];

/** Whether a time is in one of them. */
export const isWithin = (spans: readonly Span[], atMs: number): boolean =>
  spans.some(([afterMs, untilMs]) => afterMs < atMs && atMs <= untilMs);

/** In order, none empty, none touching another. */
export function united(spans: readonly Span[]): readonly Span[] {
  const joined: [number, number][] = [];
  for (const [afterMs, untilMs] of spans.toSorted((a, b) => a[0] - b[0])) {
    if (untilMs <= afterMs) continue;
    const last = joined.at(-1);
    if (last !== undefined && afterMs <= last[1]) last[1] = Math.max(last[1], untilMs);
    else joined.push([afterMs, untilMs]);
  }
  return joined;
}

/** What is in both. */
export const common = (some: readonly Span[], others: readonly Span[]): readonly Span[] =>
  united(
    some.flatMap(([after, until]) =>
      others.map(([from, to]): Span => [Math.max(after, from), Math.min(until, to)]),
    ),
  );

/** What is between those given, which are in order and touch none. */
const complement = (spans: readonly Span[]): readonly Span[] =>
  united(
    [...spans, undefined].map(
      (span, at): Span => [
        spans[at - 1]?.[1] ?? Number.NEGATIVE_INFINITY,
        span?.[0] ?? Number.POSITIVE_INFINITY,
      ],
    ),
  );

/** Whether some of the first is not in any of the second. */
export const isMore = (some: readonly Span[], others: readonly Span[]): boolean =>
  common(some, complement(united(others))).length > 0;

interface Entry {
  readonly name: string;
  readonly createdAtMs: number;
}

/**
 * Merges a catalogue into what a hub knows.
 * @param unheard times of which the hub does not know what was put and removed
 * @param unsaid the same of the catalogue
 * @returns names to be forgotten, and entries to be taken
 */
export function mergeCatalogue<T extends Entry>(
  own: readonly Entry[],
  unheard: readonly Span[],
  catalogue: readonly T[],
  unsaid: readonly Span[],
): { readonly removed: readonly string[]; readonly taken: readonly T[] } {
  const named = new Set(catalogue.map(({ name }) => name));
  const ownTimes = new Map(own.map(({ name, createdAtMs }) => [name, createdAtMs]));
  const isTaken = ({ name, createdAtMs }: T) => {
    const ownMs = ownTimes.get(name);
    return ownMs === undefined ? isWithin(unheard, createdAtMs) : ownMs <= createdAtMs;
  };
  return {
    removed: own
      .filter(({ name, createdAtMs }) => !named.has(name) && !isWithin(unsaid, createdAtMs))
      .map(({ name }) => name),
    taken: catalogue.filter(isTaken),
  };
}
