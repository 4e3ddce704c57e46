/** What happens then; gets the token with which it was asked for. */
export type Action = (token: number) => void;

/** What lies further ahead than the current span waits unsorted, by the span that it falls into. A power of two divides exactly. */
const SPAN_MS = 1_024;

/** A binary heap of values by time, and at one time by order; numbers beside each other, no objects. */
class TimeHeap {
  #times = new Float64Array(256);
  #order = new Float64Array(256);
  #values = new Int32Array(256);
  size = 0;

  /** The least time; there must be one. */
  get leastMs(): number {
    return this.#times[0]!;
  }

  push(ms: number, order: number, value: number): void {
    if (this.size === this.#times.length) this.#grow();
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentMs = this.#times[parent]!;
      if (parentMs < ms || (parentMs === ms && this.#order[parent]! < order)) break;
      this.#put(at, parentMs, this.#order[parent]!, this.#values[parent]!);
      at = parent;
    }
    this.#put(at, ms, order, value);
  }

  /** Takes the value of the least time out; there must be one. */
  pop(): number {
    const value = this.#values[0]!;
    this.size--;
    if (this.size > 0) this.#sink();
    return value;
  }

  #put(at: number, ms: number, order: number, value: number): void {
    this.#times[at] = ms;
    this.#order[at] = order;
    this.#values[at] = value;
  }

  /** Lets the last entry sink from the top. */
  #sink(): void {
    const { size } = this;
    const times = this.#times;
    const ms = times[size]!;
    const order = this.#order[size]!;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= size) break;
      if (child + 1 < size && this.#isBefore(child + 1, child)) child++;
      const childMs = times[child]!;
      if (childMs > ms || (childMs === ms && this.#order[child]! > order)) break;
      this.#put(at, childMs, this.#order[child]!, this.#values[child]!);
      at = child;
    }
    this.#put(at, ms, order, this.#values[size]!);
  }

  #isBefore(a: number, b: number): boolean {
    const first = this.#times[a]!;
    const second = this.#times[b]!;
    return first < second || (first === second && this.#order[a]! < this.#order[b]!);
  }

  #grow(): void {
    this.#times = largerFloats(this.#times);
    this.#order = largerFloats(this.#order);
    const values = new Int32Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}

function largerFloats(old: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(old.length * 2);
  larger.set(old);
  return larger;
}

/**
 * What is to happen, by virtual time; what is due at one time happens in the order in which it was asked
 * for. Only what falls into the current span is sorted, in a small heap; what is further ahead waits in
 * a list for its span (R. Brown, "Calendar Queues", CACM 31(10), 1988).
 */
export class EventQueue {
  /** By number of the event; a number is used again when its event is over. */
  readonly #actions: (Action | undefined)[] = [];
  #times = new Float64Array(1024);
  #order = new Float64Array(1024);
  #tokens = new Float64Array(1024);
  readonly #free: number[] = [];
  /** Events before `#spanEndMs`. */
  readonly #near = new TimeHeap();
  #spanEndMs = 0;
  /** Events of later spans; the lists by span, and their spans by time. */
  readonly #lists: number[][] = [];
  readonly #freeLists: number[] = [];
  readonly #listOf = new Map<number, number>();
  readonly #spans = new TimeHeap();
  #next = 0;
  #size = 0;
  nowMs = 0;
  /** Actions that were run. */
  run = 0;
  peak = 0;

  get size(): number {
    return this.#size;
  }

  /** The time of what is next; infinity if there is nothing. */
  get nextMs(): number {
    if (this.#size === 0) return Number.POSITIVE_INFINITY;
    if (this.#near.size === 0) this.#enterSpan();
    return this.#near.leastMs;
  }

  /** The token goes to the action: one action may serve many events. Nothing happens at infinity. */
  at(ms: number, action: Action, token = 0): void {
    if (!(ms < Number.POSITIVE_INFINITY)) return;
    const event = this.#free.pop() ?? this.#actions.length;
    if (event === this.#times.length) this.#grow();
    const atMs = Math.max(ms, this.nowMs);
    const order = this.#next++;
    this.#actions[event] = action;
    this.#tokens[event] = token;
    if (atMs < this.#spanEndMs) {
      this.#near.push(atMs, order, event);
    } else {
      this.#times[event] = atMs;
      this.#order[event] = order;
      this.#defer(Math.floor(atMs / SPAN_MS), event);
    }
    if (++this.#size > this.peak) this.peak = this.#size;
  }

  after(ms: number, action: Action, token = 0): void {
    this.at(this.nowMs + ms, action, token);
  }

  /** Moves the clock to the next action and runs it; false if there is none. */
  step(): boolean {
    if (this.#size === 0) return false;
    if (this.#near.size === 0) this.#enterSpan();
    this.nowMs = this.#near.leastMs;
    const event = this.#near.pop();
    const action = this.#actions[event]!;
    this.#actions[event] = undefined;
    this.#free.push(event);
    this.#size--;
    this.run++;
    action(this.#tokens[event]!);
    return true;
  }

  #defer(span: number, event: number): void {
    let list = this.#listOf.get(span);
    if (list === undefined) {
      list = this.#freeLists.pop() ?? this.#lists.push([]) - 1;
      this.#listOf.set(span, list);
      this.#spans.push(span, 0, list);
    }
    this.#lists[list]!.push(event);
  }

  /** Sorts the events of the next span that has some. */
  #enterSpan(): void {
    const span = this.#spans.leastMs;
    const list = this.#spans.pop();
    this.#spanEndMs = (span + 1) * SPAN_MS;
    this.#listOf.delete(span);
    const events = this.#lists[list]!;
    for (const event of events) this.#near.push(this.#times[event]!, this.#order[event]!, event);
    events.length = 0;
    this.#freeLists.push(list);
  }

  #grow(): void {
    this.#times = largerFloats(this.#times);
    this.#order = largerFloats(this.#order);
    this.#tokens = largerFloats(this.#tokens);
  }
}
