import type { Range, ResultsMessage } from "../../src/protocol/index.ts";
import { type Answer, answersIn, colludersLie, rightAnswer, sleepersLie } from "./answers.ts";

/** What is wrong with an accepted answer, by whose lie it is. */
export type Verdict = "right" | "sleepers" | "colluders" | "other";

export function verdictOf(input: number, answer: unknown): Verdict {
  if (answer === rightAnswer(input)) return "right";
  if (answer === sleepersLie(input)) return "sleepers";
  return answer === colludersLie(input) ? "colluders" : "other";
}

function* inputsOf(ranges: readonly Range[]): Generator<number> {
  for (const [start, end] of ranges) for (let input = start; input < end; input++) yield input;
}

/** Knows the right answers, and looks at what a submitter is given as accepted. */
export class Auditor {
  readonly #answers = new Map<number, Answer>();
  /** Inputs that were given a second, other answer. */
  corrected = 0;
  failed = 0;

  take({ ranges, failures }: ResultsMessage, body: Uint8Array): void {
    const answers = answersIn(body);
    const failedAt = new Set(failures.map(({ at }) => at));
    let at = 0;
    for (const input of inputsOf(ranges)) {
      const answer = answers[at];
      if (failedAt.has(at++)) this.failed++;
      else {
        const before = this.#answers.get(input);
        if (before !== undefined && before !== answer) this.corrected++;
        this.#answers.set(input, answer as Answer);
      }
    }
  }

  /** The inputs of which a wrong answer was accepted. */
  get wrong(): number[] {
    return [...this.#answers].flatMap(([input, answer]) => (answer === rightAnswer(input) ? [] : [input]));
  }

  get accepted(): number {
    return this.#answers.size;
  }

  counts(): Record<Verdict, number> {
    const counts = { right: 0, sleepers: 0, colluders: 0, other: 0 };
    for (const [input, answer] of this.#answers) counts[verdictOf(input, answer)]++;
    return counts;
  }
}
