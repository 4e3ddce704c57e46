type Action = () => void;

/**
 * What is to happen, by virtual time; what is due at one time happens in the order in which it was asked
 * for. A binary heap of numbers beside a slab of actions.
 */
export class EventQueue {
  #times = new Float64Array(1024);
  #order = new Float64Array(1024);
  #slots = new Int32Array(1024);
  #size = 0;
  #next = 0;
  readonly #actions: (Action | undefined)[] = [];
  readonly #free: number[] = [];
  nowMs = 0;
  /** Actions that were run. */
  run = 0;
  peak = 0;

  get size(): number {
    return this.#size;
  }

  /** The time of what is next; infinity if there is nothing. */
  get nextMs(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : this.#times[0]!;
  }

  at(ms: number, action: Action): void {
    if (!(ms < Number.POSITIVE_INFINITY)) return;
    const slot = this.#free.pop() ?? this.#actions.length;
    this.#actions[slot] = action;
    if (this.#size === this.#times.length) this.#grow();
    this.#rise(this.#size++, Math.max(ms, this.nowMs), this.#next++, slot);
    if (this.#size > this.peak) this.peak = this.#size;
  }

  after(ms: number, action: Action): void {
    this.at(this.nowMs + ms, action);
  }

  /** Moves the clock to the next action and runs it; false if there is none. */
  step(): boolean {
    if (this.#size === 0) return false;
    this.nowMs = this.#times[0]!;
    const slot = this.#slots[0]!;
    const action = this.#actions[slot]!;
    this.#actions[slot] = undefined;
    this.#free.push(slot);
    this.#size--;
    if (this.#size > 0) {
      this.#sink(this.#times[this.#size]!, this.#order[this.#size]!, this.#slots[this.#size]!);
    }
    this.run++;
    action();
    return true;
  }

  #grow(): void {
    const copy = <T extends Float64Array | Int32Array>(larger: T, old: T) => {
      larger.set(old);
      return larger;
    };
    const length = this.#times.length * 2;
    this.#times = copy(new Float64Array(length), this.#times);
    this.#order = copy(new Float64Array(length), this.#order);
    this.#slots = copy(new Int32Array(length), this.#slots);
  }

  #put(at: number, ms: number, order: number, slot: number): void {
    this.#times[at] = ms;
    this.#order[at] = order;
    this.#slots[at] = slot;
  }

  #rise(from: number, ms: number, order: number, slot: number): void {
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const parentMs = this.#times[parent]!;
      if (parentMs < ms || (parentMs === ms && this.#order[parent]! < order)) break;
      this.#put(at, parentMs, this.#order[parent]!, this.#slots[parent]!);
      at = parent;
    }
    this.#put(at, ms, order, slot);
  }

  #isBefore(a: number, b: number): boolean {
    const [first, second] = [this.#times[a]!, this.#times[b]!];
    return first < second || (first === second && this.#order[a]! < this.#order[b]!);
  }

  #sink(ms: number, order: number, slot: number): void {
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#isBefore(child + 1, child)) child++;
      const childMs = this.#times[child]!;
      if (childMs > ms || (childMs === ms && this.#order[child]! > order)) break;
      this.#put(at, childMs, this.#order[child]!, this.#slots[child]!);
      at = child;
    }
    this.#put(at, ms, order, slot);
  }
}
