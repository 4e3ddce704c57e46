import type { Answer, InputId } from "../checks/records.ts";
import { purpose } from "../environment/purpose.ts";
import { mix, seededRandom } from "../environment/random.ts";
import type { JobPlan } from "../plan.ts";
import type { Population, Random } from "../types.ts";
import type { World } from "../world.ts";
import { accidentOf, type Persona } from "./persona.ts";

const DEFAULT_ENGINE = "v8";

/** The mark of what an engine makes of outputs with marks: none of those of lies and accidents. */
const readOf = (engine: number, read: number): number => 0x40_0000 | (mix(engine, read) & 0x3f_ffff);

/** What one machine answers: as its person wants it, as its engine computes it, as its memory spoils it. */
export class Voice {
  readonly persona: Persona;
  readonly engineClass: string;
  readonly #world: World;
  readonly #engine: number;
  readonly #accidents: Random;

  constructor(world: World, machine: number, { engineClass = DEFAULT_ENGINE }: Population) {
    this.#world = world;
    this.persona = world.personas[machine]!;
    this.engineClass = engineClass;
    const engines = new Set(world.scenario.populations.map((other) => other.engineClass ?? DEFAULT_ENGINE));
    this.#engine = 1 + [...engines].indexOf(engineClass);
    this.#accidents = seededRandom(world.seed, purpose.lying, machine);
  }

  /**
   * @param isSpoilt by accident
   * @param read what a partition was made of, where that may differ
   */
  answer(plan: JobPlan, input: InputId, isSpoilt: boolean, read: number): Answer {
    const lie = this.persona.lie();
    const answer = this.#answer(plan, input, lie === 0 && isSpoilt ? this.#accident() : lie, read);
    if (plan.spec.options.quorum !== undefined) this.#world.inspector.said(this.persona, answer);
    return answer;
  }

  #accident(): number {
    return accidentOf(this.#accidents.int(2 ** 23));
  }

  #answer({ isStage, differs }: JobPlan, input: InputId, mark: number, read: number): Answer {
    const isRow = isStage ? { isRow: true } : {};
    if (mark > 0) return { input, outcome: "corrupted", mark, ...isRow };
    const engine = differs(input.index) ? this.#engine : 0;
    return { input, outcome: "right", mark: read === 0 ? engine : readOf(engine, read), ...isRow };
  }
}
