import { median } from "./median.ts";

interface Account {
  inputs: number;
  claimed: number;
  credited: number;
}

/** Nobody's inputs are so much harder on average than those of half of the others. */
const MEDIAN_FACTOR = 2;
/** With fewer people there is nobody to compare with. */
const PEOPLE_MIN = 3;
/** The median is looked up again after so many claims; at first after each. */
const CLAIMS_A_LOOK = 32;
/** Whoever is beyond the people that are kept apart. */
const OTHERS = "";

/**
 * What the inputs of one job cost, by what everybody claims: who claims more than twice the median of what all
 * have claimed for an input gets that much. It holds for all of a person's inputs together, so that one hard input
 * may cost what it does.
 */
export class Prices {
  readonly #peopleMax: number;
  readonly #people = new Map<string, Account>();
  #median = Number.POSITIVE_INFINITY;
  #claims = 0;

  /** @param peopleMax people that are kept apart; further ones share an account */
  constructor(peopleMax: number) {
    this.#peopleMax = peopleMax;
  }

  /** Claims so much for so many inputs; says what is credited. */
  claim(person: string, inputs: number, amount: number): number {
    const account = this.#account(person);
    account.inputs += inputs;
    account.claimed += amount;
    if (this.#claims++ < CLAIMS_A_LOOK || this.#claims % CLAIMS_A_LOOK === 0) this.#look();
    const allowed = Math.min(account.claimed, MEDIAN_FACTOR * this.#median * account.inputs);
    const credited = Math.max(0, allowed - account.credited);
    account.credited += credited;
    return credited;
  }

  #account(person: string): Account {
    const known = this.#people.get(person);
    if (known !== undefined) return known;
    const key = this.#people.size < this.#peopleMax ? person : OTHERS;
    const account = this.#people.get(key) ?? { inputs: 0, claimed: 0, credited: 0 };
    this.#people.set(key, account);
    return account;
  }

  #look(): void {
    if (this.#people.size < PEOPLE_MIN) return;
    this.#median = median(Array.from(this.#people.values(), ({ claimed, inputs }) => claimed / inputs));
  }
}
