import type { FailureMark } from "../protocol/index.ts";
import type { Results } from "../worker/core/index.ts";
import { type Answer, encodeState, type InputId, InputReader, packResults } from "./checks/records.ts";
import { ViolationError } from "./checks/violation.ts";
import { mix } from "./environment/random.ts";
import type { World } from "./world.ts";

/** Records that a slot was told to run. */
export interface SlotRun {
  readonly run: number;
  readonly lease: string;
  readonly count: number;
  readonly block: Uint8Array;
  readonly careful: boolean;
}

/** Results with what they cost. */
export interface CostedResults extends Results {
  readonly costMs: number;
}

/** What a slot tells its machine. */
export interface SlotHost {
  readonly speed: number;
  readonly clockRate: number;
  /** Where its outputs go. */
  disk(): number;
  /** Whether it answers without running anything. */
  pretends(): boolean;
  /** Draws what becomes of an attempt that need not fail; `read` tells apart what it may have read, 0: nothing of note. */
  answerTo(input: InputId, read: number): Answer;
  progressed(slot: number, run: number, results: CostedResults): void;
  died(slot: number, run: number, kind: "crash" | "timeout"): void;
  /** What its clock says that so long took. */
  elapsedMs(trueMs: number): number;
  saved(slot: number, run: number, state: Uint8Array): void;
  /** In how many milliseconds a block is there that an input reads. */
  obtain(block: string): number | "away" | "nowhere";
}

interface Running {
  readonly told: SlotRun;
  /** Gone behind the last record. */
  reader: InputReader | undefined;
  begun: number;
}

/** What the slot does until its next event. */
interface Stretch {
  readonly answers: Answer[];
  readonly workMs: number;
  readonly overheadMs: number;
  readonly ends: "report" | "crash" | "timeout" | "save" | "wait";
  /** Where the last record stops for now: what was done of it. */
  readonly workedMs: number;
  readonly input: InputId | undefined;
}

const threw = (input: InputId): Answer => ({ input, outcome: "threw", mark: 0 });

/** While the hub is away, the next try to get a block. */
const BLOCK_RETRY_MS = 500;

/** One slot of a machine: runs records one after the other in virtual time, as a sandbox does. */
export class Slot {
  readonly #world: World;
  readonly #host: SlotHost;
  readonly #slot: number;
  #runs: Running[] = [];
  #token = 0;
  #stretch: Stretch | undefined;
  #startedMs = 0;
  #spentMs = 0;
  #lastLease = "";
  /** The record that stopped to save its state, and what it has done. */
  #paused: { readonly input: InputId; readonly workedMs: number } | undefined;
  /** The record behind those of the last report, which was read but has not begun. */
  #peeked: InputId | undefined;
  #frozen = false;
  /** Slot time that was spent on anything. */
  busyMs = 0;

  constructor(world: World, slot: number, host: SlotHost) {
    this.#world = world;
    this.#slot = slot;
    this.#host = host;
  }

  /** What its running stretch has taken so far. */
  get runningMs(): number {
    if (this.#stretch === undefined) return 0;
    return this.#spentMs + (this.#frozen ? 0 : this.#world.queue.nowMs - this.#startedMs);
  }

  run(run: SlotRun): void {
    this.#runs.push({ told: run, reader: new InputReader(run.block), begun: 0 });
    if (this.#stretch === undefined && !this.#frozen) this.#begin();
  }

  /** Forgets everything; what was spent is lost to whoever was faster, or with the machine. */
  kill(cause: "revoked" | "crashed"): void {
    const lostMs = this.runningMs;
    this.busyMs += lostMs;
    if (cause === "revoked") this.#world.waste.duplicate += lostMs;
    this.#token++;
    this.#runs = [];
    if (this.#stretch !== undefined && !this.#frozen) this.#world.census.busySlots--;
    this.#stretch = undefined;
    this.#paused = undefined;
    this.#peeked = undefined;
    this.#spentMs = 0;
  }

  freeze(): void {
    if (this.#stretch !== undefined) {
      this.#spentMs += this.#world.queue.nowMs - this.#startedMs;
      this.#world.census.busySlots--;
    }
    this.#frozen = true;
    this.#token++;
  }

  thaw(): void {
    this.#frozen = false;
    if (this.#stretch !== undefined) this.#await(this.#stretch);
    else this.#begin();
  }

  #begin(): void {
    const run = this.#runs[0];
    if (run === undefined) return;
    const stretch = this.#next(run);
    if (stretch === undefined) return;
    this.#stretch = stretch;
    this.#spentMs = 0;
    this.#await(stretch);
  }

  #await(stretch: Stretch): void {
    const { queue } = this.#world;
    const token = ++this.#token;
    this.#world.census.busySlots++;
    this.#startedMs = queue.nowMs;
    queue.after(Math.max(0, stretch.workMs + stretch.overheadMs - this.#spentMs), this.#expire, token);
  }

  /** The stretch that was awaited with this token is over. */
  readonly #expire = (token: number): void => {
    if (this.#token === token) this.#finish(this.#stretch!);
  };

  /** So many records as are reported together; or up to one that kills the sandbox or saves its state. */
  #next(run: Running): Stretch | undefined {
    const { plans, limits, auditor, queue } = this.#world;
    let answers: Stretch["answers"] = [];
    let overheadMs = 0;
    let workMs = 0;
    while (run.begun < run.told.count && answers.length < limits.reportRecordsMax) {
      const input = this.#paused?.input ?? this.#peeked ?? this.#read(run);
      this.#peeked = undefined;
      const plan = plans[input.job]!;
      const inMs = plan.blockOf === undefined ? 0 : this.#host.obtain(plan.blockOf(input.index));
      if (inMs !== 0 && inMs !== "nowhere" && answers.length > 0) {
        this.#peeked = input;
        break;
      }
      if (inMs === "away") {
        this.#peeked = input;
        return { answers, workMs, overheadMs: BLOCK_RETRY_MS, ends: "wait", workedMs: 0, input: undefined };
      }
      if (inMs !== "nowhere") overheadMs += inMs;
      const isRun = !this.#host.pretends();
      const takesMs =
        isRun && plan.hangs(input.index)
          ? Number.POSITIVE_INFINITY
          : plan.workMs(input.index) / this.#host.speed;
      const timeoutMs = (plan.scenario.timeoutMs ?? Number.POSITIVE_INFINITY) / this.#host.clockRate;
      // While an input takes long, those before it are reported.
      if (isRun && takesMs > timeoutMs && answers.length > 0) {
        this.#peeked = input;
        break;
      }
      if (this.#lastLease !== run.told.lease) overheadMs += plan.scenario.unitOverheadMs ?? 0;
      this.#lastLease = run.told.lease;
      auditor.started(input.job, input.index, queue.nowMs + overheadMs + workMs);
      const { checkpoint } = plan.scenario;
      if (checkpoint !== undefined) return this.#piece(run, input, checkpoint, overheadMs);
      run.begun++;
      const read = this.#readOf(input);
      if (read === undefined) {
        answers.push({ input, outcome: "missing", mark: 0 });
        if (run.told.careful) break;
        continue;
      }
      if (isRun && plan.kills(input.index)) {
        const workedMs = Math.min(takesMs / 2, timeoutMs);
        return { answers, workMs: workMs + workedMs, overheadMs, ends: "crash", workedMs: 0, input };
      }
      if (isRun && takesMs > timeoutMs) {
        return { answers, workMs: timeoutMs, overheadMs, ends: "timeout", workedMs: 0, input };
      }
      workMs += takesMs;
      const answer = isRun && inMs === "nowhere" ? threw(input) : this.#answer(input, read);
      if (answers.length === 0) answers = [answer];
      else answers.push(answer);
      if (run.told.careful || workMs >= limits.progressIntervalMs) break;
    }
    return { answers, workMs, overheadMs, ends: "report", workedMs: 0, input: undefined };
  }

  #read(run: Running): InputId {
    const input = run.reader!.read();
    if (run.begun + 1 === run.told.count) run.reader = undefined;
    return input;
  }

  /** Up to the next state that is saved, or the end of the record. */
  #piece(
    run: Running,
    input: InputId,
    { intervalMs, costMs, restartMs }: { intervalMs: number; costMs: number; restartMs: number },
    overheadMs: number,
  ): Stretch {
    const plan = this.#world.plans[input.job]!;
    const { speed } = this.#host;
    const workedMs = this.#paused?.workedMs ?? input.savedMs;
    const leftMs = Math.max(0, plan.workMs(input.index) - workedMs) / speed;
    const restart = this.#paused === undefined && input.savedMs > 0 ? restartMs : 0;
    if (leftMs <= intervalMs) {
      this.#paused = undefined;
      run.begun++;
      const ends = plan.kills(input.index) && !this.#host.pretends() ? "crash" : "report";
      const answers = ends === "crash" ? [] : [this.#answer(input, 0)];
      return { answers, workMs: leftMs, overheadMs: overheadMs + restart, ends, workedMs: 0, input };
    }
    return {
      answers: [],
      workMs: intervalMs,
      overheadMs: overheadMs + restart + costMs,
      ends: "save",
      workedMs: workedMs + intervalMs * speed,
      input,
    };
  }

  /**
   * What the outputs that an input names are marked with, all together; undefined where some are not to be had. The
   * hub must have named that of each segment.
   */
  #readOf({ job, index, disks }: InputId): number | undefined {
    const { plans, auditor, disks: store } = this.#world;
    const { map } = plans[job]!;
    if (map === undefined) return 0;
    if (disks === undefined || disks.length !== auditor.sizeOf(map.number) || disks.includes(0)) {
      const text = `partition ${index} of job-${job} was given outputs of ${disks?.length} segments, not of all`;
      throw new ViolationError("correctness", text);
    }
    let read = 0;
    for (const [segment, disk] of disks.entries()) {
      const mark = store.markOf(disk, map.number, segment);
      if (mark === undefined) return undefined;
      if (mark > 0) read = mix(read, segment, mark);
    }
    return read;
  }

  #answer(input: InputId, read: number): Answer {
    const fails = this.#world.plans[input.job]!.fails(input.index) && !this.#host.pretends();
    return fails ? threw(input) : this.#host.answerTo(input, read);
  }

  #finish(stretch: Stretch): void {
    const { waste, auditor } = this.#world;
    const run = this.#runs[0]!;
    const { answers, workMs, overheadMs, ends, workedMs, input } = stretch;
    this.#stretch = undefined;
    this.#world.census.busySlots--;
    this.#spentMs = 0;
    this.busyMs += workMs + overheadMs;
    waste.overhead += overheadMs;
    if (ends === "save") {
      waste.useful += workMs;
      this.#paused = { input: input!, workedMs };
      this.#host.saved(this.#slot, run.told.run, encodeState(input!, workedMs));
    } else if (ends === "wait") {
      // It tries again below.
    } else if (ends === "crash" || ends === "timeout") {
      waste.retried += workMs;
      this.#runs = [];
      if (ends === "timeout") auditor.threw(input!.job, input!.index);
      this.#host.died(this.#slot, run.told.run, ends);
    } else {
      if (run.begun >= run.told.count) this.#runs.shift();
      this.#host.progressed(this.#slot, run.told.run, {
        count: answers.length,
        block: packResults(answers, this.#host.disk()),
        failures: this.#failuresOf(answers),
        elapsedMs: this.#host.elapsedMs(workMs),
        costMs: workMs,
      });
    }
    if (this.#stretch === undefined && !this.#frozen) this.#begin();
  }

  #failuresOf(answers: Stretch["answers"]): FailureMark[] {
    const { plans, disks } = this.#world;
    const failures: FailureMark[] = [];
    for (let at = 0; at < answers.length; at++) {
      const { input, outcome, mark } = answers[at]!;
      if (outcome === "missing") failures.push({ at, kind: "missing", fingerprint: "missing" });
      else if (plans[input.job]!.isStage && outcome !== "threw")
        disks.put(this.#host.disk(), input.job, input.index, mark);
      if (outcome !== "threw") continue;
      this.#world.auditor.threw(input.job, input.index);
      failures.push({ at, kind: "error", fingerprint: "threw" });
    }
    return failures;
  }
}
