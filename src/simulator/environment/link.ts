import type { NetworkScenario, Random } from "../types.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Traffic } from "./meter.ts";
import { draw } from "./random.ts";

const LATENCY_MS = 20;
const RETRANSMIT_MS = 200;

/** One end of a connection. */
export interface End {
  /** What arrives. The end may keep it for later (a machine that sleeps). */
  deliver(action: () => void): void;
  closed(link: Link): void;
}

/**
 * One connection between a machine and the hub, as TCP gives it: in order, late, or broken. Either end may
 * believe that it is open while the other knows better.
 */
export class Link {
  readonly #queue: EventQueue;
  readonly #traffic: Traffic;
  readonly #network: NetworkScenario;
  readonly #random: Random;
  readonly #ends: { readonly hub: End; readonly machine: End };
  readonly #open = { hub: true, machine: true };
  /** By direction: when the last byte before arrives, and when the line is free. */
  readonly #arrivesMs = { hub: 0, machine: 0 };
  readonly #freeMs = { hub: 0, machine: 0 };
  readonly #cutUntilMs: () => number;
  /** What is under way, by direction. It arrives in the order in which it was sent. */
  readonly #under: { readonly hub: (() => void)[]; readonly machine: (() => void)[] } = {
    hub: [],
    machine: [],
  };
  readonly #arrive = { hub: () => this.#arrived("hub"), machine: () => this.#arrived("machine") };
  #broken = false;

  constructor(options: {
    readonly queue: EventQueue;
    readonly traffic: Traffic;
    readonly network: NetworkScenario;
    readonly random: Random;
    readonly ends: { readonly hub: End; readonly machine: End };
    /** Until when nothing gets through. */
    readonly cutUntilMs: () => number;
  }) {
    this.#queue = options.queue;
    this.#traffic = options.traffic;
    this.#network = options.network;
    this.#random = options.random;
    this.#ends = options.ends;
    this.#cutUntilMs = options.cutUntilMs;
  }

  isOpen(end: "hub" | "machine"): boolean {
    return this.#open[end];
  }

  /** Sends a message to an end; the action is its arrival. */
  send(to: "hub" | "machine", kind: string, bytes: number, action: () => void): void {
    const from = to === "hub" ? "machine" : "hub";
    if (!this.#open[from] || this.#broken) return;
    this.#traffic.count(kind, this.#queue.nowMs);
    if (this.#random.chance(this.#network.breakRate ?? 0)) {
      this.break();
      return;
    }
    this.#under[to].push(action);
    this.#queue.at(this.#arrival(to, bytes), this.#arrive[to]);
  }

  /** It breaks under both; sometimes the hub hears nothing of it. */
  break(): void {
    // What is sent behind the lost message does not get through either.
    this.#broken = true;
    this.#fall("machine");
    if (!this.#random.chance(this.#network.halfOpenShare ?? 0)) this.#fall("hub");
  }

  /** One end closes it; the other hears so behind what was sent before. */
  close(by: "hub" | "machine"): void {
    if (!this.#open[by]) return;
    this.#open[by] = false;
    const other = by === "hub" ? "machine" : "hub";
    this.#queue.at(this.#arrival(other, 0), () => this.#lose(other));
  }

  /** One end is gone without a word, or is not told. */
  abandon(end: "hub" | "machine"): void {
    this.#open[end] = false;
  }

  /** An end finds out by itself that nobody is there. */
  lose(end: "hub" | "machine"): void {
    this.#lose(end);
  }

  #arrived(to: "hub" | "machine"): void {
    const action = this.#under[to].shift()!;
    if (this.#open[to]) this.#ends[to].deliver(action);
  }

  #fall(end: "hub" | "machine"): void {
    this.#queue.after(draw(this.#network.latencyMs, this.#random, LATENCY_MS), () => this.#lose(end));
  }

  #lose(end: "hub" | "machine"): void {
    if (!this.#open[end]) return;
    this.#open[end] = false;
    this.#ends[end].closed(this);
  }

  #arrival(to: "hub" | "machine", bytes: number): number {
    const { latencyMs, jitterMs, lossRate = 0, retransmitMs, bytesPerSecond } = this.#network;
    const random = this.#random;
    let leavesMs = Math.max(this.#queue.nowMs, this.#cutUntilMs());
    if (bytesPerSecond !== undefined) {
      leavesMs = Math.max(leavesMs, this.#freeMs[to]) + (1_000 * bytes) / bytesPerSecond;
      this.#freeMs[to] = leavesMs;
    }
    let tookMs = draw(latencyMs, random, LATENCY_MS) + draw(jitterMs, random, 0);
    while (random.chance(Math.min(lossRate, 0.9))) tookMs += retransmitMs ?? RETRANSMIT_MS;
    const arrivesMs = Math.max(leavesMs + tookMs, this.#arrivesMs[to]);
    this.#arrivesMs[to] = arrivesMs;
    return arrivesMs;
  }
}
