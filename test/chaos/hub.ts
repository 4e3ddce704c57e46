import { existsSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { musketeers, Program, preload } from "./program.ts";

interface Place {
  readonly url: string;
  readonly joinInvite: string;
  readonly submitInvite: string;
}

/** Short times, and checkpoints and compactions in the middle of everything. */
const limits = {
  leaseTtlMs: "1500ms",
  heartbeatIntervalMs: "250ms",
  adoptionWindowMs: "500ms",
  attachedGraceMs: "20s",
  handshakeTimeoutMs: "2s",
  checkpointRecordsMin: "50",
  compactionBytesMin: "64KB",
  retentionIntervalMs: "200ms",
};

export const LEASE_TTL_MS = 1_500;

/** Below what systems give to outgoing connections, which could otherwise take a dead hub's port. */
const PORTS = [20_000, 29_999] as const;

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

async function freePort(): Promise<number> {
  for (;;) {
    const port = PORTS[0] + Math.floor(Math.random() * (PORTS[1] - PORTS[0]));
    if (await isFree(port)) return port;
  }
}

/** Sets both clocks of a program that was started with the preload, by so much. */
export async function setClocks(
  program: Program,
  home: string,
  clocks: { readonly wallMs: number; readonly monotonicMs: number },
): Promise<void> {
  const draft = join(home, "clock.draft");
  await writeFile(draft, JSON.stringify(clocks));
  await rename(draft, join(home, "clock.json"));
  program.signal("SIGUSR2");
}

const RESTART_MS = 200;

/** `musketeers up` as a service: whoever ends it, it is started again on the same data and port. */
export class HubService {
  readonly home: string;
  readonly port: number;
  readonly #onTrouble: (trouble: string) => void;
  #program: Program | undefined;
  #place: Place | undefined;
  #wanted = true;
  #killed = false;
  #up: Promise<void> = Promise.resolve();

  private constructor(home: string, port: number, onTrouble: (trouble: string) => void) {
    this.home = home;
    this.port = port;
    this.#onTrouble = onTrouble;
  }

  static async start(home: string, onTrouble: (trouble: string) => void): Promise<HubService> {
    const hub = new HubService(home, await freePort(), onTrouble);
    hub.#up = hub.#launch();
    await hub.#up;
    return hub;
  }

  get place(): Place {
    return this.#place!;
  }

  get program(): Program {
    return this.#program!;
  }

  /** Resolves when it is up, now or again. */
  get up(): Promise<void> {
    return this.#up;
  }

  /** Kills it and leaves it dead for a while; resolves when it is up again. */
  async kill(downMs: number): Promise<void> {
    await this.#up;
    this.#killed = true;
    this.#up = this.program.kill().then(async () => {
      await pause(downMs);
      await this.#launch();
    });
    await this.#up;
  }

  async fillDisk(): Promise<void> {
    await writeFile(join(this.home, "full"), "");
  }

  async freeDisk(): Promise<void> {
    await rm(join(this.home, "full"), { force: true });
  }

  /** Ends it as an operator does; says how it ended. */
  async stop(): Promise<string> {
    await this.#up;
    this.#wanted = false;
    this.program.signal("SIGTERM");
    const { status, signal } = await this.program.ended;
    return status === 0 ? "" : `the hub ended with ${signal ?? status}: ${this.program.stderr}`;
  }

  async #launch(): Promise<void> {
    while (this.#wanted) {
      const program = this.#spawn();
      this.#program = program.process;
      this.#killed = false;
      void program.process.ended.then((ended) => this.#onEnded(program.process, ended));
      if (await program.ready) return;
      await pause(RESTART_MS);
    }
  }

  #spawn(): { readonly process: Program; readonly ready: Promise<boolean> } {
    let settle!: (ready: boolean) => void;
    const ready = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const args = ["up", "--json", "--workers", "0", "--listen", `127.0.0.1:${this.port}`];
    args.push("--data", join(this.home, "data"));
    for (const [name, value] of Object.entries(limits)) args.push("--limit", `${name}=${value}`);
    const process = new Program({
      imports: [preload],
      args: [musketeers, ...args],
      home: this.home,
      onLine: (line) => {
        this.#place ??= JSON.parse(line) as Place;
        settle(true);
      },
    });
    void process.ended.then(() => settle(false));
    return { process, ready };
  }

  /** Nobody may end it but we, except that it cannot start while its disk is full. */
  #onEnded(program: Program, { status, signal }: { status: number | null; signal: string | null }): void {
    if (!this.#wanted || this.#killed || program !== this.#program) return;
    if (existsSync(join(this.home, "full")) && /STORAGE/.test(program.stderr)) return;
    this.#onTrouble(`the hub ended by itself with ${signal ?? status}: ${program.stderr}`);
  }
}
