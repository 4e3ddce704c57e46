import { wrongness } from "./answers.ts";
import type { Assignment, OutcomeLine } from "./assignment.ts";

/** What an audit found. */
export class Findings {
  lost = 0;
  doubled = 0;
  wrong = 0;
  readonly notes: string[] = [];

  get clean(): boolean {
    return this.lost + this.doubled + this.wrong === 0;
  }

  isWrong(note: string): void {
    this.wrong++;
    this.notes.push(`wrong: ${note}`);
  }

  add({ lost, doubled, wrong, notes }: Findings): void {
    this.lost += lost;
    this.doubled += doubled;
    this.wrong += wrong;
    this.notes.push(...notes);
  }
}

/** What one reading of one job gave, as it came. */
export class Transcript {
  readonly assignment: Assignment;
  readonly #outcomes: OutcomeLine[] = [];
  readonly #indices = new Set<number>();

  constructor(assignment: Assignment) {
    this.assignment = assignment;
  }

  add(outcome: OutcomeLine): void {
    this.#outcomes.push(outcome);
    this.#indices.add(outcome.index);
  }

  /** The share of inputs that there is an outcome for. */
  get share(): number {
    return this.#indices.size / this.assignment.count;
  }

  /** Holds every outcome against its answer; of a reading that was broken off, none has to be there. */
  audit(findings: Findings, whole: boolean, reading: string): void {
    const { assignment } = this;
    const { count, ordered } = assignment;
    const seen = new Set<number>();
    let last = -1;
    for (const outcome of this.#outcomes) {
      const { index, worker } = outcome;
      const where = `${reading}, ${assignment.name}[${index}] by ${worker}`;
      if (index < 0 || index >= count) {
        findings.isWrong(`${where}: there is no such input`);
        continue;
      }
      if (seen.has(index)) {
        findings.doubled++;
        findings.notes.push(`doubled: ${where}`);
      }
      seen.add(index);
      if (ordered && index < last) findings.isWrong(`${where}: out of order, behind ${last}`);
      last = index;
      const wrong = wrongness(assignment, outcome);
      if (wrong !== undefined) findings.isWrong(`${where}: ${wrong}`);
    }
    if (!whole || seen.size >= count) return;
    findings.lost += count - seen.size;
    const missing = Array.from({ length: count }, (_, index) => index).filter((index) => !seen.has(index));
    findings.notes.push(
      `lost: ${reading}, ${assignment.name}: ${missing.length} of ${count}, such as ${missing[0]}`,
    );
  }
}
