import { type CallMessage, type Limits, MusketeersError, toMusketeersError } from "../../protocol/index.ts";

export interface CallQueueOptions {
  readonly limits: Pick<Limits, "callsPerClientMax">;
  readonly answer: (call: CallMessage) => Promise<unknown>;
  readonly send: (header: object) => void;
  /** Whether so much waits to leave that answers have to wait; `pump` is called when that is over. */
  readonly isCongested: () => boolean;
  /** Told of each call that failed. */
  readonly onFailed?: (error: MusketeersError) => void;
}

/** Calls that are answered at once; more would put as many answers in memory before the socket says stop. */
const ANSWERED_AT_ONCE = 8;

/** The calls of one client: a few are answered at a time, some wait, and those beyond are refused. */
export class CallQueue {
  readonly #options: CallQueueOptions;
  readonly #waiting: CallMessage[] = [];
  #running = 0;
  #over = false;

  constructor(options: CallQueueOptions) {
    this.#options = options;
  }

  add(call: CallMessage): void {
    const { callsPerClientMax } = this.#options.limits;
    if (this.#running + this.#waiting.length >= callsPerClientMax) {
      const message = `${callsPerClientMax} calls of this client wait already (callsPerClientMax)`;
      this.#fail(call, new MusketeersError("TOO_MANY", message));
      return;
    }
    this.#waiting.push(call);
    this.pump();
  }

  /** Answers what can be answered now. */
  pump(): void {
    while (this.#running < ANSWERED_AT_ONCE && !this.#over && !this.#options.isCongested()) {
      const call = this.#waiting.shift();
      if (call === undefined) return;
      this.#running++;
      this.#options
        .answer(call)
        .then((value) => this.#options.send({ type: "reply", id: call.id, value }))
        .catch((error: unknown) => this.#fail(call, error))
        .finally(() => {
          this.#running--;
          this.pump();
        });
    }
  }

  close(): void {
    this.#over = true;
    this.#waiting.length = 0;
  }

  #fail({ id }: CallMessage, thrown: unknown): void {
    const error = toMusketeersError(thrown);
    const { code, message, hint } = error;
    this.#options.send({ type: "reply", id, error: { code, message, hint } });
    this.#options.onFailed?.(error);
  }
}
