import { DEFAULT_PROJECT, type EnrolledWorker, type LeaseMessage } from "../protocol/index.ts";
import {
  newWorkerState,
  presentedLeases,
  step,
  type WorkerEvent,
  type WorkerInstruction,
  type WorkerState,
} from "../worker/core/index.ts";
import { checkWorker } from "./checks/checks.ts";
import { type Answer, type InputId, InputReader } from "./checks/records.ts";
import { Stock } from "./datasets/stock.ts";
import { Link } from "./environment/link.ts";
import { purpose } from "./environment/purpose.ts";
import { draw, mix, seededRandom, unit } from "./environment/random.ts";
import type { Hub } from "./hub.ts";
import { type CostedResults, Slot } from "./slot.ts";
import { Voice } from "./trust/voice.ts";
import type { NetworkScenario, Population, Random } from "./types.ts";
import type { World } from "./world.ts";

const HELLO_BYTES = 800;
const HEADER_BYTES = 100;

export interface Tally {
  inputsDone: number;
  corrupted: number;
  crashes: number;
  connects: number;
  credited: number;
}

export const newTally = (): Tally => ({
  inputsDone: 0,
  corrupted: 0,
  crashes: 0,
  connects: 0,
  credited: 0,
});

/** One simulated machine: the real worker core, the slots it feeds, and the ways of its owner. */
export class Machine {
  readonly number: number;
  readonly population: Population;
  readonly slotCount: number;
  readonly tally: Tally;
  readonly speed: number;
  readonly clockRate: number;
  readonly #world: World;
  readonly #hub: Hub;
  readonly #network: NetworkScenario;
  readonly #random: Random;
  readonly #kind: number;
  readonly #linkRandom: Random;
  readonly #jumpRandom: Random;
  readonly voice: Voice;
  /** What it has of datasets, where there are any. */
  readonly stock: Stock | undefined;
  #core: WorkerState | undefined;
  #slots: Slot[] = [];
  #link: Link | undefined;
  #phase: "off" | "on" | "draining" | "frozen" = "off";
  #wanted = false;
  #turn = 0;
  #life = 0;
  #attempt = 0;
  #cutUntilMs = 0;
  #mail: (() => void)[] = [];
  #disk = 0;
  #onSinceMs = 0;
  #onlineMs = 0;
  #busyMs = 0;

  constructor(world: World, hub: Hub, kind: number, number: number, tally: Tally) {
    const population = world.scenario.populations[kind]!;
    this.#kind = kind;
    this.#world = world;
    this.#hub = hub;
    this.population = population;
    this.number = number;
    this.tally = tally;
    this.#random = seededRandom(world.seed, purpose.machine, number);
    this.#linkRandom = seededRandom(world.seed, purpose.link, number);
    this.#jumpRandom = seededRandom(world.seed, purpose.jumping, number);
    this.voice = new Voice(world, number, population);
    this.#network = { ...world.scenario.network, ...population.network };
    this.slotCount = Math.max(1, Math.round(draw(population.slots, this.#random, 1)));
    this.speed = Math.max(1e-6, draw(population.speed, this.#random, 1));
    this.clockRate = draw(population.clockRate, this.#random, 1);
    if (world.archive.plans.length > 0) this.stock = this.#newStock();
    world.queue.at(draw(population.startMs, this.#random, 0), () => this.#takeTurn());
  }

  /** Where its outputs are; see `Disks`. */
  get disk(): number {
    return this.#disk;
  }

  /** Whether others can fetch from it. */
  get isReachable(): boolean {
    return this.isOn && !this.#isCut;
  }

  get isOn(): boolean {
    return this.#phase === "on" || this.#phase === "draining";
  }

  /** Whether its word is enough, and whether it may keep replicas and the catalogue. */
  get isTrusted(): boolean {
    return this.population.trusted === true;
  }

  /** Whether what comes by this link is for it. */
  isOnLink(link: Link): boolean {
    return link === this.#link;
  }

  /** Slot time so far: there, busy, and that of what is running. */
  slotMs(): { online: number; busy: number; running: number } {
    const onlineMs = this.#onlineMs + (this.isOn ? this.#world.queue.nowMs - this.#onSinceMs : 0);
    let busy = this.#busyMs;
    let running = 0;
    for (const slot of this.#slots) {
      busy += slot.busyMs;
      running += slot.runningMs;
    }
    return { online: onlineMs * this.slotCount, busy: busy + running, running };
  }

  describe(): EnrolledWorker {
    return {
      name: `${this.population.name}-${this.number}`,
      version: "0",
      platform: "linux",
      arch: "x64",
      cores: this.slotCount,
      memoryBytes: 2 ** 32,
      slots: this.#core?.phase === "open" ? this.slotCount : 0,
      sandbox: "deno",
      engineClass: this.voice.engineClass,
      allowNet: [],
      labels: this.population.labels ?? [],
      capabilities: [],
      speed: this.speed,
      person: this.voice.persona.name,
      trusted: this.isTrusted,
      projects: [DEFAULT_PROJECT],
    };
  }

  /** Whether its heartbeats reach the hub on this link. */
  isHeard(link: Link): boolean {
    return this.isOn && link === this.#link && link.isOpen("machine") && !this.#isCut;
  }

  // What its owner and the world do.

  /** Nothing gets to or from it until then. */
  cut(untilMs: number): void {
    const { queue, limits } = this.#world;
    const link = this.#link;
    if (link !== undefined && this.isHeard(link)) this.#hub.heard(link);
    this.#cutUntilMs = Math.max(this.#cutUntilMs, untilMs);
    if (link === undefined || untilMs - queue.nowMs < limits.leaseTtlMs) return;
    queue.after(limits.leaseTtlMs, () => link.lose("machine"));
  }

  #takeTurn(): void {
    const { availability } = this.population;
    const { nowMs } = this.#world.queue;
    const turn = this.#turn++;
    const presence =
      availability === undefined
        ? { online: true, forMs: Number.POSITIVE_INFINITY }
        : availability(this.#random, { nowMs, online: this.#wanted, turn, node: this.number });
    this.#wanted = presence.online;
    if (presence.online) this.#comeOn();
    else this.#goOff();
    this.#world.queue.after(Math.max(1, presence.forMs), () => this.#takeTurn());
  }

  #comeOn(): void {
    if (this.#phase === "frozen") this.#thaw();
    else if (this.#phase === "off") this.#boot();
  }

  #goOff(): void {
    if (this.#phase !== "on") return;
    const { drain = 0, crash = 0, freeze = 0 } = this.population.departure ?? {};
    const total = drain + crash + freeze;
    const drawn = this.#random.next() * total;
    if (total > 0 && drawn < drain) this.#drain();
    else if (total > 0 && drawn < drain + freeze) this.#freeze();
    else this.#crash();
  }

  #boot(): void {
    const { limits } = this.#world;
    this.#life++;
    this.#phase = "on";
    this.#countOn(1);
    this.#attempt = 0;
    if (this.#disk === 0) this.#disk = this.#world.disks.add(this);
    this.#core = newWorkerState({
      slots: this.slotCount,
      resultBytesUnackedMax: limits.resultBytesUnackedMax,
      progressIntervalMs: limits.progressIntervalMs,
      blockBytesTarget: limits.blockBytesTarget,
    });
    this.stock?.boot();
    const host = this.#slotHost();
    this.#slots = Array.from({ length: this.slotCount }, (_, slot) => new Slot(this.#world, slot, host));
    this.#connect();
  }

  #crash(): void {
    const link = this.#link;
    this.tally.crashes++;
    if (link?.isOpen("machine") === true) {
      if (this.#random.chance(this.#network.halfOpenShare ?? 0)) {
        if (this.isHeard(link)) this.#hub.heard(link);
        link.abandon("machine");
      } else {
        link.close("machine");
      }
    }
    this.#switchOff();
  }

  #switchOff(): void {
    this.#life++;
    if (this.isOn) this.#countOn(-1);
    for (const slot of this.#slots) {
      slot.kill("crashed");
      this.#busyMs += slot.busyMs;
    }
    this.#slots = [];
    if (this.population.keepsOutputs !== true) {
      this.#world.disks.remove(this.#disk);
      this.#disk = 0;
    }
    this.stock?.off();
    this.#mail = [];
    this.#core = undefined;
    this.#link = undefined;
    this.#phase = "off";
    if (this.#wanted) this.#boot();
  }

  #drain(): void {
    this.#phase = "draining";
    const life = this.#life;
    this.#handle({ type: "DrainRequested" });
    this.#world.queue.after(this.#world.limits.drainGraceMs, () => {
      if (this.#life !== life || this.#phase === "off") return;
      this.#handle({ type: "DrainExpired" });
      // Where the hub cannot be told, it finds out by itself.
      if (this.#life === life && this.#core !== undefined) this.#crash();
    });
  }

  #freeze(): void {
    if (this.#link !== undefined && this.isHeard(this.#link)) this.#hub.heard(this.#link);
    this.#countOn(-1);
    this.#phase = "frozen";
    for (const slot of this.#slots) slot.freeze();
  }

  #thaw(): void {
    this.#phase = "on";
    this.#countOn(1);
    for (const slot of this.#slots) slot.thaw();
    for (const action of this.#mail.splice(0)) action();
    if (this.#core !== undefined && this.#link === undefined) this.#connect();
  }

  #countOn(change: 1 | -1): void {
    const { census, queue } = this.#world;
    census.on[this.#kind]! += change;
    census.slots += change * this.slotCount;
    if (change === 1) this.#onSinceMs = queue.nowMs;
    else this.#onlineMs += queue.nowMs - this.#onSinceMs;
  }

  // The link.

  get #isCut(): boolean {
    return this.#cutUntilMs > this.#world.queue.nowMs;
  }

  readonly #end = {
    deliver: (action: () => void) => this.#whenAwake(action),
    closed: (link: Link) => this.#whenAwake(() => this.#down(link)),
  };

  #whenAwake(action: () => void): void {
    if (this.#phase === "frozen") this.#mail.push(action);
    else if (this.#phase !== "off") action();
  }

  #connect(): void {
    const { queue, traffic } = this.#world;
    const link = new Link({
      queue,
      traffic,
      network: this.#network,
      random: this.#linkRandom,
      ends: { hub: this.#hub.end, machine: this.#end },
      cutUntilMs: () => this.#cutUntilMs,
    });
    this.#link = link;
    if (this.#isCut || !this.#hub.accept(link)) {
      link.abandon("machine");
      this.#retry();
      return;
    }
    this.tally.connects++;
    // Challenge, answer, and the hello that counts.
    link.send("hub", "hello", HELLO_BYTES, () =>
      link.send("machine", "challenge", HEADER_BYTES, () => {
        if (this.#core === undefined || this.#link !== link) return;
        const presented = presentedLeases(this.#core);
        link.send("hub", "hello", HELLO_BYTES, () => this.#hub.hello(this, link, presented));
      }),
    );
  }

  #retry(): void {
    const { reconnectDelayMinMs, reconnectDelayMaxMs } = this.#world.limits;
    const delayMs = Math.min(reconnectDelayMaxMs, reconnectDelayMinMs * 2 ** this.#attempt++);
    const life = this.#life;
    this.#link = undefined;
    this.#world.queue.after(delayMs * (0.5 + this.#linkRandom.next() / 2), () => {
      if (this.#life === life && this.#link === undefined && this.isOn) this.#connect();
    });
  }

  #down(link: Link): void {
    if (this.#link !== link || this.#core === undefined) return;
    this.#link = undefined;
    const life = this.#life;
    this.#handle({ type: "LinkDown" });
    if (this.#life === life) this.#retry();
  }

  // What the hub sends.

  welcomed(link: Link, adopted: readonly string[]): void {
    if (link !== this.#link) return;
    this.#attempt = 0;
    this.#handle({ type: "LinkUp", adopted });
    this.stock?.welcomed();
  }

  leased(link: Link, message: LeaseMessage, body: Uint8Array): void {
    if (link === this.#link) this.#handle({ type: "LeaseReceived", message, body });
  }

  trimmed(link: Link, lease: string, keep: number): void {
    if (link === this.#link) this.#handle({ type: "TrimReceived", message: { type: "trim", lease, keep } });
  }

  revoked(link: Link, lease: string, reason: string): void {
    if (link === this.#link)
      this.#handle({ type: "RevokeReceived", message: { type: "revoke", lease, reason } });
  }

  acked(lease: string, upTo: number): void {
    this.#handle({ type: "AckReceived", message: { type: "ack", lease, upTo } });
  }

  #newStock(): Stock {
    return new Stock(this, {
      world: this.#world,
      hub: this.#hub,
      network: this.#network,
      isConnected: () => this.#link !== undefined && this.isHeard(this.#link),
      isAwake: () => this.isOn,
      send: (kind, bytes, action) => {
        const link = this.#link;
        link?.send("hub", kind, bytes, () => this.#hub.fromMachine(link, action));
      },
    });
  }

  // The core.

  #handle(event: WorkerEvent): void {
    if (this.#core === undefined) return;
    const instructions = step(this.#core, event);
    if (this.#world.check === "tick")
      checkWorker(this.#core, this.slotCount, this.#world.limits, instructions);
    for (const instruction of instructions) this.#perform(instruction);
  }

  #perform(instruction: WorkerInstruction): void {
    const link = this.#link;
    switch (instruction.type) {
      case "Run":
        if (!this.#refuses(instruction)) this.#slots[instruction.slot]?.run(instruction);
        return;
      case "Kill":
      case "Abandon":
        this.#slots[instruction.slot]?.kill("revoked");
        return;
      case "SendProgress": {
        const { lease, from, results, done } = instruction;
        const { count, block, failures, elapsedMs } = results;
        const { costMs = 0 } = results as Partial<CostedResults>;
        const report = { lease, from, count, block, failures, elapsedMs, done, costMs };
        const bytes = HEADER_BYTES + block.length;
        link?.send("hub", "progress", bytes, () =>
          this.#hub.fromMachine(link, (session) => session.progress(report)),
        );
        return;
      }
      case "SendReturn": {
        const { lease, reason } = instruction;
        link?.send("hub", "return", HEADER_BYTES, () =>
          this.#hub.fromMachine(link, (session) => session.returned(lease, reason)),
        );
        return;
      }
      case "SendState": {
        const { lease, position, state } = instruction;
        link?.send("hub", "save", HEADER_BYTES + state.length, () =>
          this.#hub.fromMachine(link, (session) => session.saved(lease, position, state)),
        );
        return;
      }
      case "Leave":
        link?.send("hub", "leave", HEADER_BYTES, () =>
          this.#hub.fromMachine(link, (session) => {
            session.left = true;
          }),
        );
        link?.close("machine");
        this.#switchOff();
    }
  }

  #slotHost() {
    return {
      speed: this.speed,
      clockRate: this.clockRate,
      disk: () => this.#disk,
      pretends: () => this.voice.persona.pretends,
      answerTo: (input: InputId, read: number) => this.#answerTo(input, read),
      progressed: (slot: number, run: number, results: CostedResults) =>
        this.#handle({ type: "RunProgressed", slot, run, results }),
      elapsedMs: (trueMs: number) => this.#elapsedMs(trueMs),
      died: (slot: number, run: number, kind: "crash" | "timeout") =>
        this.#handle({ type: "SandboxDied", slot, run, kind, message: "killed", exact: kind === "timeout" }),
      obtain: (block: string) => this.stock?.obtain(block) ?? "away",
      saved: (slot: number, run: number, state: Uint8Array) =>
        this.#handle({ type: "StateSaved", slot, run, state }),
    };
  }

  /** Whether a run does not begin here, which its core hears of a little later. */
  #refuses({ slot, run, block }: { slot: number; run: number; block: Uint8Array }): boolean {
    const { refusedShare = 0, overloadRate = 0 } = this.population;
    if (refusedShare + overloadRate === 0) return false;
    const { job } = new InputReader(block).read();
    const { seed, queue } = this.#world;
    const refused = unit(mix(seed, purpose.refusing, this.number, job)) < refusedShare;
    if (!refused && !this.#jumpRandom.chance(overloadRate)) return false;
    const life = this.#life;
    const reason = refused ? "refused" : "overload";
    queue.after(1, () => {
      const tell = () => this.#handle({ type: "RunRefused", slot, run, reason, message: reason });
      if (this.#life === life) this.#whenAwake(tell);
    });
    return true;
  }

  /** A report cannot have taken less than nothing, whatever a clock says. */
  #elapsedMs(trueMs: number): number {
    const jumps = this.#jumpRandom.chance(this.population.clockJumpRate ?? 0);
    return jumps ? this.#jumpRandom.int(2) * 1e9 : trueMs * this.clockRate;
  }

  #answerTo(input: InputId, read: number): Answer {
    const plan = this.#world.plans[input.job]!;
    const isFlaky = this.#random.chance(plan.scenario.flakyShare ?? 0);
    if (isFlaky && !this.voice.persona.pretends) return { input, outcome: "threw", mark: 0 };
    const isSpoilt = this.#random.chance(this.population.corruptionRate ?? 0);
    return this.voice.answer(plan, input, isSpoilt, read);
  }
}
