/** What a browser keeps for its volunteer: how much to lend, and what it has given to each project so far. */

export interface Settings {
  /** Things that run at once. */
  readonly slots: number;
  readonly onlyWhenVisible: boolean;
  readonly onlyWhenCharging: boolean;
  /** Keeps the screen from going dark while the tab works. */
  readonly awake: boolean;
  /** What others see; empty: the browser's own. */
  readonly name: string;
}

/** All that was given to a project with this browser. */
export interface Given {
  readonly inputs: number;
  /** Time that inputs took, on all slots. */
  readonly seconds: number;
}

type Store = Pick<Storage, "getItem" | "setItem">;

const SETTINGS = "musketeers.volunteer";
const GIVEN = "musketeers.given.";
const NAME_CHARACTERS_MAX = 64;

const nothing: Given = Object.freeze({ inputs: 0, seconds: 0 });

/** What is kept may be anything: other versions wrote it, or people. Storage may be refused, too. */
function read(store: Store, key: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(store.getItem(key) ?? "{}");
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function write(store: Store, key: string, value: object): void {
  try {
    store.setItem(key, JSON.stringify(value));
  } catch {
    // A private window keeps nothing; it works all the same.
  }
}

const amount = (value: unknown): number =>
  typeof value === "number" && Number.isFinite(value) && value > 0 ? value : 0;

/** @param cores of the machine: one half of them where nothing was said */
export function keptSettings(store: Store, cores: number): Settings {
  const { slots, onlyWhenVisible, onlyWhenCharging, awake, name } = read(store, SETTINGS);
  const wished = Math.floor(amount(slots)) || Math.floor(cores / 2);
  return {
    slots: Math.max(1, Math.min(cores, wished)),
    onlyWhenVisible: onlyWhenVisible === true,
    onlyWhenCharging: onlyWhenCharging === true,
    awake: awake === true,
    name: typeof name === "string" ? name.slice(0, NAME_CHARACTERS_MAX) : "",
  };
}

export const keepSettings = (store: Store, settings: Settings): void => write(store, SETTINGS, settings);

export function givenTo(store: Store, project: string): Given {
  const { inputs, seconds } = read(store, GIVEN + project);
  return { inputs: amount(inputs), seconds: amount(seconds) };
}

/**
 * Adds what a tab has done up to now to what was given before. Several tabs may do so at once: each adds only what is
 * new of its own.
 */
export class GivenKeeper {
  readonly #store: Store;
  readonly #project: string;
  #counted: Given = nothing;

  constructor(store: Store, project: string) {
    this.#store = store;
    this.#project = project;
  }

  /**
   * @param done by this tab since it began
   * @returns all that was given to the project
   */
  add(done: Given): Given {
    const before = givenTo(this.#store, this.#project);
    const inputs = Math.max(0, done.inputs - this.#counted.inputs);
    const seconds = Math.max(0, done.seconds - this.#counted.seconds);
    this.#counted = { inputs: done.inputs, seconds: done.seconds };
    const given = { inputs: before.inputs + inputs, seconds: before.seconds + seconds };
    if (inputs > 0 || seconds > 0) write(this.#store, GIVEN + this.#project, given);
    return given;
  }
}
