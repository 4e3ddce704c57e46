import type { FramePort } from "../executors/browser/frame-sandbox.ts";

/* What a page's document has, as far as it is used here. */

interface Element {
  src: string;
  title: string;
  hidden: boolean;
  readonly contentWindow: ContentWindow | null;
  setAttribute(name: string, value: string): void;
  remove(): void;
}

interface ContentWindow {
  postMessage(message: unknown, origin: string, transfer: readonly unknown[]): void;
}

interface FrameEvent {
  readonly source: unknown;
  readonly data: unknown;
}

/** The page that frames are put into. */
export interface FramePage {
  readonly document: {
    createElement(name: "iframe"): Element;
    readonly body: { append(element: Element): void };
  };
  addEventListener(type: "message", listener: (event: FrameEvent) => void): void;
  removeEventListener(type: "message", listener: (event: FrameEvent) => void): void;
}

/** Where the hub serves frames; see its `tab-routes.ts`. */
const FRAME_PATH = "tab/frame";
/** A frame that says nothing for so long is asked for again: its hub may have been away. */
const READY_TIMEOUT_MS = 5_000;
/** Frames may be loaded so often. */
const LOADS_MAX = 4;

/** A worker that is to run in a frame. */
export interface FrameOrder {
  /** Hosts that it may reach. */
  readonly net: readonly string[];
  /** A `data:` address. */
  readonly worker: string;
  readonly port: FramePort;
}

interface Open {
  readonly order: FrameOrder;
  element: Element;
  /** The port is with the frame. */
  handed: boolean;
  loads: number;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/**
 * The frames of a page that tasks run in: each without an origin of its own, under the policy that the hub sends with
 * it, and with nothing in it but a worker.
 */
export class Frames {
  readonly #page: FramePage;
  readonly #version: string;
  readonly #onGone: (frame: number, why: string) => void;
  readonly #open = new Map<number, Open>();
  readonly #listener = (event: FrameEvent) => this.#onMessage(event);

  /** @param version of the hub's files, so that none of an older hub is used */
  constructor(page: FramePage, version: string, onGone: (frame: number, why: string) => void) {
    this.#page = page;
    this.#version = version;
    this.#onGone = onGone;
    page.addEventListener("message", this.#listener);
  }

  open(frame: number, order: FrameOrder): void {
    this.#open.set(frame, { order, element: this.#load(order), handed: false, loads: 1, timer: undefined });
    this.#await(frame);
  }

  close(frame: number): void {
    const open = this.#open.get(frame);
    if (open === undefined) return;
    this.#open.delete(frame);
    clearTimeout(open.timer);
    open.element.remove();
  }

  closeAll(): void {
    this.#page.removeEventListener("message", this.#listener);
    for (const frame of [...this.#open.keys()]) this.close(frame);
  }

  #load({ net }: FrameOrder): Element {
    const element = this.#page.document.createElement("iframe");
    element.setAttribute("sandbox", "allow-scripts");
    element.setAttribute("aria-hidden", "true");
    element.title = "A task of the cluster";
    element.hidden = true;
    const query = new URLSearchParams({ v: this.#version, net: net.join(",") });
    element.src = `${FRAME_PATH}?${query.toString()}`;
    this.#page.document.body.append(element);
    return element;
  }

  #await(frame: number): void {
    const open = this.#open.get(frame)!;
    open.timer = setTimeout(() => {
      if (open.loads >= LOADS_MAX) {
        this.close(frame);
        this.#onGone(frame, "The hub's frame for tasks does not load");
        return;
      }
      open.loads++;
      open.element.remove();
      open.element = this.#load(open.order);
      this.#await(frame);
    }, READY_TIMEOUT_MS);
  }

  #onMessage({ source, data }: FrameEvent): void {
    for (const [frame, open] of this.#open) {
      if (source === null || open.element.contentWindow !== source) continue;
      if (data === "ready" && !open.handed) {
        open.handed = true;
        clearTimeout(open.timer);
        // Its origin is none, so that no other can be named.
        open.element.contentWindow?.postMessage(open.order.worker, "*", [open.order.port]);
      } else if (data === "failed") {
        this.close(frame);
        this.#onGone(frame, "The sandbox's worker does not start in this browser");
      }
      return;
    }
  }
}
