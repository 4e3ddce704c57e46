import type { Machine } from "../machine.ts";

/** What has outputs of shuffles: a machine from when it was switched on, or for good where it keeps them. */
interface Disk {
  readonly machine: Machine;
  /** By the number of a map stage and segment, what its outputs are marked with. */
  readonly outputs: Map<number, Map<number, number>>;
}

/** Who really has which outputs, which no hub knows for sure. */
export class Disks {
  readonly #disks = new Map<number, Disk>();
  #next = 1;

  /** A new one, empty. */
  add(machine: Machine): number {
    this.#disks.set(this.#next, { machine, outputs: new Map() });
    return this.#next++;
  }

  /** All that is on it is gone. */
  remove(disk: number): void {
    this.#disks.delete(disk);
  }

  /** A segment was mapped. @param mark tells outputs that differ from others of the same segment */
  put(disk: number, stage: number, segment: number, mark: number): void {
    const outputs = this.#disks.get(disk)?.outputs;
    if (outputs === undefined) return;
    outputs.set(stage, (outputs.get(stage) ?? new Map()).set(segment, mark));
  }

  /** The mark of the output of a segment; undefined where it cannot be read now. */
  markOf(disk: number, stage: number, segment: number): number | undefined {
    const found = this.#disks.get(disk);
    return found?.machine.isReachable === true ? found.outputs.get(stage)?.get(segment) : undefined;
  }
}
