import { type LiveMessage, type LivePart, MusketeersError, type TopicName } from "../../protocol/index.ts";

/** All that there is to see of a topic. Values and rows that did not change are the very same objects as before. */
export interface LiveState {
  readonly values: Readonly<Record<string, unknown>>;
  readonly tables: Readonly<Record<string, ReadonlyMap<string, unknown>>>;
}

export interface FollowOptions {
  readonly onState: (state: LiveState) => void;
  /** The hub refused the topic, or what it is about is gone. */
  readonly onError: (error: MusketeersError) => void;
}

interface Following extends FollowOptions {
  readonly topic: TopicName;
  readonly of: string;
  state: LiveState;
}

const nothing: LiveState = { values: {}, tables: {} };
const decoder = new TextDecoder();

/** What one client follows: asks again after each break, and puts together what comes in parts. */
export class LiveTopics {
  readonly #send: (header: object) => boolean;
  readonly #followed = new Map<number, Following>();
  #next = 1;

  constructor(send: (header: object) => boolean) {
    this.#send = send;
  }

  follow(topic: TopicName, of: string, options: FollowOptions): () => void {
    const id = this.#next++;
    this.#followed.set(id, { topic, of, ...options, state: nothing });
    this.#send({ type: "follow", id, topic, of });
    return () => {
      if (this.#followed.delete(id)) this.#send({ type: "unfollow", id });
    };
  }

  /** There is a connection, perhaps another one. */
  onUp(): void {
    for (const [id, { topic, of }] of this.#followed) this.#send({ type: "follow", id, topic, of });
  }

  /** There will be no connection any more. */
  fail(error: MusketeersError): void {
    const left = [...this.#followed.values()];
    this.#followed.clear();
    for (const { onError } of left) onError(error);
  }

  onMessage({ id, first, error }: LiveMessage, body: Uint8Array): void {
    const following = this.#followed.get(id);
    if (following === undefined) return;
    if (error !== undefined) {
      this.#followed.delete(id);
      following.onError(MusketeersError.from(error));
      return;
    }
    const part = JSON.parse(decoder.decode(body)) as LivePart;
    following.state = withPart(first ? nothing : following.state, part);
    following.onState(following.state);
  }
}

function withPart({ values, tables }: LiveState, { set, put, drop }: LivePart): LiveState {
  const changed: Record<string, ReadonlyMap<string, unknown>> = { ...tables };
  for (const [name, rows] of Object.entries(put)) {
    const table = new Map(changed[name]);
    for (const [key, row] of rows) table.set(key, row);
    changed[name] = table;
  }
  for (const [name, keys] of Object.entries(drop)) {
    const table = new Map(changed[name]);
    for (const key of keys) table.delete(key);
    changed[name] = table;
  }
  return { values: { ...values, ...set }, tables: changed };
}
