import fc from "fast-check";
import { expect, test } from "vitest";
import { common, isMore, isWithin, mergeCatalogue, type Span, united } from "./hearsay.ts";
import {
  afterAdoption,
  afterHearing,
  afterLoss,
  afterPublishing,
  type CatalogueMarks,
  isNews,
  noMarks,
  putsAfter,
  unheardBy,
  unsaidBy,
} from "./recovery.ts";

const end = Number.POSITIVE_INFINITY;
const entry = (name: string, createdAtMs: number) => ({ name, createdAtMs });
type Entry = ReturnType<typeof entry>;

test("a catalogue is the truth about its time, and about nothing later", () => {
  const own = [entry("removed", 10), entry("kept", 10), entry("put since", 60), entry("put anew", 60)];
  const catalogue = [entry("kept", 10), entry("put anew", 20), entry("forgotten", 30)];
  expect(mergeCatalogue(own, [[20, 50]], catalogue, [[50, end]])).toEqual({
    removed: ["removed"],
    taken: [entry("kept", 10), entry("forgotten", 30)],
  });
});

test("what was known and removed is not taken back, and what a catalogue had not heard of it does not remove", () => {
  const unheard: Span[] = [[20, 50]];
  expect(mergeCatalogue([], unheard, [entry("removed", 15), entry("new", 25)], [[40, end]])).toEqual({
    removed: [],
    taken: [entry("new", 25)],
  });
  const unsaid: Span[] = [
    [10, 30],
    [60, end],
  ];
  const own = [entry("of both", 5), entry("of one", 20), entry("of both, too", 40)];
  expect(mergeCatalogue(own, unheard, [], unsaid).removed).toEqual(["of both", "of both, too"]);
});

const spans = fc
  .array(fc.tuple(fc.nat(20), fc.nat(20)), { maxLength: 6 })
  .map((ends) => ends.map(([from, to]): Span => [from, to]));

test("spans are sets of times", () => {
  const times = Array.from({ length: 23 }, (_, at) => at - 1);
  fc.assert(
    fc.property(spans, spans, (some, others) => {
      for (const at of times) {
        expect(isWithin(united(some), at)).toBe(isWithin(some, at));
        expect(isWithin(common(some, others), at)).toBe(isWithin(some, at) && isWithin(others, at));
      }
      const more = times.some((at) => isWithin(some, at) && !isWithin(others, at));
      expect(isMore(some, others)).toBe(more);
      const parts = united(some).flat();
      expect(parts.every((at, index) => index === 0 || parts[index - 1]! < at)).toBe(true);
    }),
  );
});

interface Said {
  readonly marks: CatalogueMarks;
  readonly rows: readonly Entry[];
  /** All that was ever put or removed and that a reader of this one can know of. */
  readonly events: ReadonlySet<string>;
}

/** A hub that loses its disk now and then, and what it says of itself. */
class Life {
  marks = noMarks;
  rows: readonly Entry[] = [];
  nowMs = 0;
  events = new Set<string>();

  put(name: string): void {
    this.nowMs = Math.max(this.nowMs + 1, putsAfter(this.marks) + 1);
    this.#take([...this.rows.filter((row) => row.name !== name), entry(name, this.nowMs)]);
  }

  remove(name: string): void {
    this.#take(this.rows.filter((row) => row.name !== name));
  }

  #take(rows: readonly Entry[]): void {
    for (const { name, createdAtMs } of this.rows) {
      if (!rows.some((row) => row.name === name && row.createdAtMs === createdAtMs))
        this.events.add(`removed ${name} ${createdAtMs}`);
    }
    for (const { name, createdAtMs } of rows) this.events.add(`put ${name} ${createdAtMs}`);
    this.rows = rows;
  }

  say(): Said {
    this.marks = afterPublishing(this.marks, ++this.nowMs);
    return { marks: this.marks, rows: this.rows, events: new Set(this.events) };
  }

  lose(): void {
    this.rows = [];
    this.events = new Set();
    this.marks = afterLoss(noMarks, ++this.nowMs);
  }

  hear({ marks, rows, events }: Said): void {
    for (const event of events) this.events.add(event);
    // Of each name the later put has taken the place of the earlier.
    const there = this.#there();
    for (const [name, at] of there) {
      if (there.some(([other, later]) => other === name && later > at))
        this.events.add(`removed ${name} ${at}`);
    }
    if (!isNews(this.marks, marks)) return;
    const { removed, taken } = mergeCatalogue(this.rows, unheardBy(this.marks), rows, unsaidBy(marks));
    const names = new Set([...removed, ...taken.map(({ name }) => name)]);
    this.rows = [...this.rows.filter(({ name }) => !names.has(name)), ...taken];
    this.marks = afterHearing(afterAdoption(this.marks, marks));
  }

  /** What anybody must think who knows of just these events. */
  get truth(): string[] {
    return this.#there()
      .map((put) => put.join(" "))
      .toSorted();
  }

  /** What was put and not removed. */
  #there(): [name: string, atMs: number][] {
    const puts = [...this.events].filter((event) => event.startsWith("put ")).map((event) => event.slice(4));
    return puts
      .filter((put) => !this.events.has(`removed ${put}`))
      .map((put) => [put.split(" ")[0]!, Number(put.split(" ")[1])]);
  }
}

test("whatever was lost and whoever is heard, in whatever order: all is known that any of them knew, and nothing else", () => {
  const name = fc.constantFrom("a", "b", "c");
  const action = fc.oneof(
    fc.record({ type: fc.constant("put" as const), name }),
    fc.record({ type: fc.constant("remove" as const), name }),
    fc.record({ type: fc.constant("say" as const) }),
    fc.record({ type: fc.constant("lose" as const) }),
    fc.record({ type: fc.constant("hear" as const), which: fc.nat(30) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
      const life = new Life();
      const said: Said[] = [];
      for (const each of actions) {
        if (each.type === "put") life.put(each.name);
        if (each.type === "remove") life.remove(each.name);
        if (each.type === "say") said.push(life.say());
        if (each.type === "lose") life.lose();
        const heard = each.type === "hear" ? said[each.which % said.length] : undefined;
        if (heard !== undefined) life.hear(heard);
        expect(life.rows.map((row) => `${row.name} ${row.createdAtMs}`).toSorted()).toEqual(life.truth);
      }
    }),
    { numRuns: 1_000 },
  );
});
