import { musketeers, Program, preload } from "./program.ts";
import type { Relay } from "./relay.ts";

export interface VolunteerOptions {
  readonly name: string;
  readonly home: string;
  readonly invite: string;
  readonly slots: number;
  /** `host:port` that its tasks may reach. */
  readonly allowNet: string;
  readonly relay: Relay;
}

/** `musketeers join` behind a relay of its own. */
export class Volunteer {
  readonly name: string;
  readonly home: string;
  readonly relay: Relay;
  readonly program: Program;
  readonly joined: Promise<void>;
  /** It is not there yet, or something is being done to it. */
  busy = true;
  /** It was told to end, or killed. */
  leaving = false;

  constructor({ name, home, invite, slots, allowNet, relay }: VolunteerOptions) {
    this.name = name;
    this.home = home;
    this.relay = relay;
    let join = () => {};
    this.joined = new Promise((resolve) => {
      join = resolve;
    });
    const args = [
      "join",
      "--accept",
      relay.through(invite),
      "--json",
      "--name",
      name,
      "--slots",
      String(slots),
    ];
    this.program = new Program({
      imports: [preload],
      args: [musketeers, ...args, "--allow-net", allowNet],
      home,
      onLine: (line) => {
        if ((JSON.parse(line) as { event: string }).event !== "joined") return;
        this.busy = false;
        join();
      },
    });
    void this.program.ended.then(() => {
      join();
      relay.close();
    });
  }

  async kill(): Promise<void> {
    this.leaving = true;
    await this.program.kill();
  }

  /** Lets it drain; says what was wrong about its end. */
  async drain(): Promise<string> {
    this.leaving = true;
    this.program.signal("SIGTERM");
    const { status, signal } = await this.program.ended;
    return status === 0 ? "" : `${this.name} ended with ${signal ?? status}: ${this.program.stderr}`;
  }
}
