import type { Machine } from "./machine.ts";

/** What has outputs of shuffles: a machine from when it was switched on, or for good where it keeps them. */
interface Disk {
  readonly machine: Machine;
  /** Segments by the number of their map stage. */
  readonly outputs: Map<number, Set<number>>;
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

  /** A segment was mapped. */
  put(disk: number, stage: number, segment: number): void {
    const outputs = this.#disks.get(disk)?.outputs;
    if (outputs === undefined) return;
    outputs.set(stage, (outputs.get(stage) ?? new Set()).add(segment));
  }

  /** Whether the output of a segment can be read now. */
  has(disk: number, stage: number, segment: number): boolean {
    const found = this.#disks.get(disk);
    return found?.machine.isReachable === true && found.outputs.get(stage)?.has(segment) === true;
  }
}
