import { Link } from "../../src/link/index.ts";
import { openNodeSocket } from "../../src/link/node.ts";
import {
  type HubToClient,
  type HubToWorker,
  type LeaseMessage,
  type Limits,
  type ProgressMessage,
  progressHeader,
  type WorkerDescription,
} from "../../src/protocol/index.ts";
import { parseInvite } from "../../src/security/index.ts";
import type { Random } from "../../src/simulator/index.ts";
import { answersIn, pack } from "./answers.ts";
import { answerOf, isLiar, type Role } from "./cast.ts";

export interface VolunteerOptions {
  readonly role: Role;
  readonly name: string;
  /** The person's own. */
  readonly invite: string;
  readonly random: Random;
  readonly limits: Limits;
  /** Units for which sleepers are honest. */
  readonly honestFor: number;
  /** What an input takes: a little less, a little more. */
  readonly workMs: number;
  /** Leases that were given to whomever; the thief looks for his there. */
  readonly booty: string[];
}

/** How often a cheat cheats, besides answering wrongly: not at once every time, or it would only be thrown out. */
const MISCHIEF_SHARE = 0.1;
const BOOTY_MAX = 64;
const LEASE_BYTES = 120;

/** What a scripted volunteer says of its machine. */
const described = (name: string, kind: Role["kind"]): WorkerDescription => ({
  name,
  version: "0.0.0",
  platform: "linux",
  arch: "x64",
  cores: 1,
  memoryBytes: 2 ** 32,
  slots: 1,
  sandbox: "deno",
  engineClass: "deno-v8",
  allowNet: [],
  labels: [],
  capabilities: [],
  speed: kind === "braggart" ? 1e9 : 100,
});

/** One connection: a real socket and the real protocol, and answers as its role has them. */
export class Volunteer {
  readonly role: Role;
  readonly name: string;
  /** Inputs answered, and those of them that were lies. */
  answered = 0;
  lied = 0;
  /** What it said, by input. */
  readonly said = new Map<number, number>();
  /** Frames that no honest worker sends. */
  mischief = 0;
  /** Time that it says it worked, and time that it did. */
  claimedMs = 0;
  workedMs = 0;
  /** Connections that ended before it meant to. */
  readonly downs: string[] = [];
  readonly #options: VolunteerOptions;
  readonly #link: Link;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  #queue: { readonly lease: LeaseMessage; readonly body: Uint8Array }[] = [];
  #busy = false;
  #heart: ReturnType<typeof setInterval> | undefined;

  constructor(options: VolunteerOptions) {
    this.#options = options;
    this.role = options.role;
    this.name = options.name;
    const worker = described(options.name, options.role.kind);
    this.#link = new Link(
      {
        invite: parseInvite(options.invite),
        openSocket: openNodeSocket,
        limits: options.limits,
        worker: () => worker,
      },
      {
        onWelcome: ({ heartbeatIntervalMs }) => this.#beat(heartbeatIntervalMs),
        onMessage: (message, body) => this.#receive(message, body),
        onDown: ({ code }) => {
          this.downs.push(code);
          // What it held is somebody else's by the time it is back.
          this.#queue = [];
        },
      },
    );
  }

  async join(): Promise<void> {
    await this.#link.start();
  }

  leave(): void {
    clearInterval(this.#heart);
    for (const timer of this.#timers) clearTimeout(timer);
    this.#link.close();
  }

  #beat(intervalMs: number): void {
    clearInterval(this.#heart);
    const heartbeat = { type: "heartbeat", memoryBytes: 2 ** 26, load: 0.5, slots: 1 };
    this.#heart = setInterval(() => this.#link.send(heartbeat), intervalMs);
  }

  #receive(message: HubToWorker | HubToClient, body: Uint8Array): void {
    if (message.type === "lease") {
      const { booty, random } = this.#options;
      if (booty.length < BOOTY_MAX) booty.push(message.lease);
      else booty[random.int(BOOTY_MAX)] = message.lease;
      this.#queue.push({ lease: message, body: body.slice() });
      this.#next();
    } else if (message.type === "revoke") {
      this.#queue = this.#queue.filter(({ lease }) => lease.lease !== message.lease);
    }
  }

  #next(): void {
    if (this.#busy) return;
    const unit = this.#queue.shift();
    if (unit === undefined) return;
    this.#busy = true;
    const startedMs = performance.now();
    const { workMs, random } = this.#options;
    const timer = setTimeout(
      () => {
        this.#timers.delete(timer);
        this.#busy = false;
        this.#answer(unit.lease, unit.body, performance.now() - startedMs);
        this.#next();
      },
      workMs * (0.5 + random.next()),
    );
    this.#timers.add(timer);
  }

  #answer(lease: LeaseMessage, body: Uint8Array, tookMs: number): void {
    const { kind } = this.role;
    const { honestFor, random } = this.#options;
    const inputs = answersIn(body) as number[];
    const answers = inputs.map((input) => {
      const answer = answerOf(kind, input, { answered: this.answered++, honestFor, random });
      this.said.set(input, answer);
      if (isLie(kind, this.answered, honestFor)) this.lied++;
      return answer;
    });
    const elapsedMs = kind === "braggart" ? tookMs * 1_000 : tookMs;
    this.claimedMs += elapsedMs;
    this.workedMs += tookMs;
    const results = pack(answers);
    this.#report(lease, results, { elapsedMs });
    if (random.chance(MISCHIEF_SHARE)) this.#cheat(lease, results);
  }

  #report(lease: LeaseMessage, body: Uint8Array, changes: Partial<ProgressMessage>): void {
    const header: ProgressMessage = {
      type: "progress",
      lease: lease.lease,
      from: lease.from,
      count: lease.part,
      failures: [],
      elapsedMs: 1,
      done: true,
      ...changes,
    };
    this.#link.send(progressHeader(header), body);
  }

  /** What no worker that keeps to the protocol sends. */
  #cheat(lease: LeaseMessage, body: Uint8Array): void {
    const { random, booty } = this.#options;
    switch (this.role.kind) {
      case "thief":
        this.#report(lease, body, { lease: booty[random.int(booty.length)]! });
        break;
      case "replayer":
        this.#report(lease, body, {});
        this.#report(lease, pack(answersIn(body).map((answer) => (Number(answer) ^ 8) >>> 0)), {});
        break;
      case "inventor":
        if (random.chance(0.5)) this.#report(lease, body, { from: lease.count, count: lease.part });
        else this.#report(lease, body, { lease: randomText(random, LEASE_BYTES) });
        break;
      default:
        return;
    }
    this.mischief++;
  }
}

const isLie = (kind: Role["kind"], answered: number, honestFor: number): boolean =>
  kind === "sleeper" ? answered > honestFor : isLiar(kind);

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const randomText = (random: Random, length: number): string =>
  Array.from({ length }, () => LETTERS[random.int(LETTERS.length)]).join("");
