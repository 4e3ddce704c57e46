import type { Link } from "../environment/link.ts";
import type { Session } from "../session.ts";
import type { World } from "../world.ts";

/** Who is connected, by worker and by link. */
export class Roster {
  readonly #world: World;
  readonly #byWorker = new Map<string, Session>();
  readonly #ofLink = new Map<Link, Session>();
  slots = 0;
  workersPeak = 0;
  slotsPeak = 0;

  constructor(world: World) {
    this.#world = world;
  }

  get byWorker(): ReadonlyMap<string, Session> {
    return this.#byWorker;
  }

  get size(): number {
    return this.#byWorker.size;
  }

  get(worker: string): Session | undefined {
    return this.#byWorker.get(worker);
  }

  ofLink(link: Link): Session | undefined {
    return this.#ofLink.get(link);
  }

  *[Symbol.iterator](): IterableIterator<Session> {
    yield* this.#byWorker.values();
  }

  add(session: Session): void {
    this.#byWorker.set(session.worker, session);
    this.#ofLink.set(session.link, session);
    this.#count(session, 1);
  }

  remove(session: Session): void {
    this.#byWorker.delete(session.worker);
    this.#ofLink.delete(session.link);
    this.#count(session, -1);
  }

  #count({ description }: Session, change: 1 | -1): void {
    this.#world.traffic.connect(change, this.#world.queue.nowMs);
    this.slots += change * description.slots;
    this.workersPeak = Math.max(this.workersPeak, this.size);
    this.slotsPeak = Math.max(this.slotsPeak, this.slots);
  }
}
