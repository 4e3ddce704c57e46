import { type Reading, type Rules, reasonToPause } from "./rules.ts";

/** What can be told of this machine; each may throw or give undefined where it cannot. */
export interface Probes {
  readonly untouchedMs: () => Promise<number | undefined>;
  readonly others: () => Promise<number | undefined>;
  readonly onBattery: () => Promise<boolean | undefined>;
}

export interface GovernorOptions {
  readonly rules: Rules;
  readonly probes: Probes;
  /** Whether the owner told it to pause. */
  readonly toldToPause: () => Promise<boolean>;
  /** The time of the day, local. */
  readonly now: () => Date;
  readonly intervalMs: number;
  /** Called at each change, and at the start. */
  readonly onDecision: (reason: string | undefined) => void;
}

/** Looks at the machine again and again, and says when it may work. */
export class Governor {
  readonly #options: GovernorOptions;
  #reason: string | undefined;
  #decided = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(options: GovernorOptions) {
    this.#options = options;
  }

  /** Decides for the first time, then goes on. */
  async start(): Promise<void> {
    await this.look();
    this.#again();
  }

  stop(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  /** Looks at the machine now. */
  async look(): Promise<void> {
    const reading = await this.#read();
    if (this.#over) return;
    const reason = reasonToPause(this.#options.rules, reading);
    if (this.#decided && reason === this.#reason) return;
    this.#decided = true;
    this.#reason = reason;
    this.#options.onDecision(reason);
  }

  async #read(): Promise<Reading> {
    const { rules, probes, toldToPause, now } = this.#options;
    const asked = rules.whenIdle !== undefined;
    const [told, untouchedMs, others, onBattery] = await Promise.all([
      toldToPause(),
      asked ? saidBy(probes.untouchedMs) : undefined,
      asked ? saidBy(probes.others) : undefined,
      rules.onBattery === "pause" ? saidBy(probes.onBattery) : undefined,
    ]);
    const time = now();
    const minuteOfDay = time.getHours() * 60 + time.getMinutes();
    return { minuteOfDay, untouchedMs, others, onBattery, toldToPause: told };
  }

  #again(): void {
    if (this.#over) return;
    this.#timer = setTimeout(() => {
      void this.look().finally(() => this.#again());
    }, this.#options.intervalMs);
  }
}

/** What a probe says; one that fails says nothing. */
const saidBy = async <T>(probe: () => Promise<T | undefined>): Promise<T | undefined> => {
  try {
    return await probe();
  } catch {
    return undefined;
  }
};
