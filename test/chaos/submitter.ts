import type { Assignment, ClientBrief, ClientLine, OutcomeLine } from "./assignment.ts";
import { clientProgram, Program } from "./program.ts";
import type { Relay } from "./relay.ts";
import { type Findings, Transcript } from "./transcript.ts";

/** One run of the client program. */
interface Life {
  readonly program: Program;
  readonly transcripts: ReadonlyMap<string, Transcript>;
  readonly ended: Set<string>;
}

/** Undefined where the line was cut by the program's death. */
function parse(line: string): ClientLine | undefined {
  try {
    return JSON.parse(line) as ClientLine;
  } catch {
    return undefined;
  }
}

export interface SubmitterOptions {
  readonly name: string;
  readonly home: string;
  readonly relay: Relay;
  readonly brief: Omit<ClientBrief, "jobs">;
  readonly onOutcome: (outcome: OutcomeLine) => void;
  readonly onTrouble: (trouble: string) => void;
}

/** A client program behind a relay of its own; when it is killed it is started again. */
export class Submitter {
  readonly name: string;
  readonly relay: Relay;
  /** Detached jobs by their assignments' names. */
  readonly jobs: Record<string, string> = {};
  readonly done: Promise<void>;
  readonly #options: SubmitterOptions;
  readonly #broken: Life[] = [];
  #life: Life;
  #resolveDone = () => {};
  #killed = false;

  constructor(options: SubmitterOptions) {
    this.name = options.name;
    this.relay = options.relay;
    this.#options = options;
    this.done = new Promise((resolve) => {
      this.#resolveDone = resolve;
    });
    this.#life = this.#begin();
  }

  get program(): Program {
    return this.#life.program;
  }

  get lives(): number {
    return this.#broken.length + 1;
  }

  get assignments(): readonly Assignment[] {
    return this.#options.brief.assignments;
  }

  /** Shares of its assignments that this life has read. */
  get shares(): readonly number[] {
    return [...this.#life.transcripts.values()].map(({ share }) => share);
  }

  /** Kills it, and starts it again with the jobs that it has told of. */
  async restart(): Promise<void> {
    this.#killed = true;
    await this.program.kill();
    this.#broken.push(this.#life);
    this.#killed = false;
    this.#life = this.#begin();
  }

  audit(findings: Findings): void {
    for (const [number, life] of [...this.#broken, this.#life].entries()) {
      const last = life === this.#life;
      for (const transcript of life.transcripts.values()) {
        const { name } = transcript.assignment;
        transcript.audit(findings, last || life.ended.has(name), `life ${number + 1}`);
      }
    }
  }

  #begin(): Life {
    const { brief, home, onOutcome, onTrouble } = this.#options;
    const transcripts = new Map(
      brief.assignments.map((assignment) => [assignment.name, new Transcript(assignment)]),
    );
    const ended = new Set<string>();
    const hear = (line: ClientLine) => {
      if (line.type === "outcome") {
        transcripts.get(line.name)!.add(line);
        onOutcome(line);
      } else if (line.type === "submitted") this.jobs[line.name] = line.job;
      else if (line.type === "ended") ended.add(line.name);
      else onTrouble(`${line.name} failed: ${line.message}`);
    };
    const program = new Program({
      imports: ["tsx"],
      args: [clientProgram, JSON.stringify({ ...brief, jobs: this.jobs })],
      home,
      onLine: (line) => {
        const heard = parse(line);
        if (heard !== undefined) hear(heard);
      },
    });
    void program.ended.then(({ status, signal }) => {
      if (this.#killed) return;
      if (status !== 0) onTrouble(`${this.name} ended with ${signal ?? status}: ${program.stderr}`);
      this.#resolveDone();
    });
    return { program, transcripts, ended };
  }
}
