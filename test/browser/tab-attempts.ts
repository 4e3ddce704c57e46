import { task } from "../../src/client/index.ts";

/* Ways out of a tab's sandbox, tried from inside. */

/** Where the attempts want to get: the hub, and a web site that nobody granted. */
export interface Targets {
  readonly hub: string;
  readonly site: string;
}

const scope = globalThis as unknown as Record<string, (new (...args: unknown[]) => Source) & Api>;

interface Source {
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onerror: (() => void) | null;
  onsuccess: (() => void) | null;
  open(...args: unknown[]): void;
  send(): void;
  readonly responseText: string;
  readonly ready: Promise<void>;
}

interface Api {
  open(...args: unknown[]): Source & PromiseLike<unknown>;
  getAll(): Promise<unknown>;
  query(): Promise<unknown>;
  getDirectory(): Promise<unknown>;
  readonly storage: Api;
  readonly locks: Api;
  sendBeacon(url: string): boolean;
}

const ws = (url: string) => url.replace("http", "ws");

const opened = (source: Source) =>
  new Promise<string>((resolve, reject) => {
    source.onopen = () => resolve("open");
    source.onsuccess = () => resolve("open");
    source.onmessage = ({ data }) => resolve(String(data));
    source.onerror = () => reject(new Error("refused"));
  });

/** Each throws, or gives undefined, where it is denied. */
const attempts: Record<string, (targets: Targets) => unknown> = {
  origin: () => ((globalThis as unknown as { origin: string }).origin === "null" ? undefined : "an origin"),
  parent: () => scope.parent,
  top: () => scope.top,
  window: () => scope.window,
  document: () => scope.document,
  "window.open": ({ site }) => (scope.open as unknown as (url: string) => unknown)(site),
  cookies: () => scope.cookieStore!.getAll(),
  localStorage: () => scope.localStorage,
  sessionStorage: () => scope.sessionStorage,
  indexedDB: () => opened(scope.indexedDB!.open("musketeers")),
  caches: () => scope.caches!.open("x"),
  "private files": () => scope.navigator!.storage.getDirectory(),
  locks: () => scope.navigator!.locks.query(),
  "fetch of the hub": ({ hub }) => fetch(`${hub}/session`, { credentials: "include" }),
  "fetch of the hub, without CORS": ({ hub }) => fetch(`${hub}/healthz`, { mode: "no-cors" } as RequestInit),
  "fetch of a site": ({ site }) => fetch(site),
  "fetch of a site, without CORS": ({ site }) => fetch(site, { mode: "no-cors" } as RequestInit),
  XMLHttpRequest: ({ hub }) => {
    const request = new scope.XMLHttpRequest!();
    request.open("GET", `${hub}/healthz`, false);
    request.send();
    return request.responseText;
  },
  "sendBeacon of a site": ({ site }) => scope.navigator!.sendBeacon(site),
  "WebSocket to the hub": ({ hub }) => opened(new scope.WebSocket!(`${ws(hub)}/link`)),
  "WebSocket to a site": ({ site }) => opened(new scope.WebSocket!(ws(site))),
  EventSource: ({ site }) => opened(new scope.EventSource!(site)),
  WebTransport: ({ site }) =>
    new scope.WebTransport!(site.replace("http:", "https:")).ready.then(() => "open"),
  RTCPeerConnection: () => new scope.RTCPeerConnection!(),
  "import of the hub's code": ({ hub }) => import(`${hub}/tab/agent.js`),
  "import of a site's code": ({ site }) => import(`${site}/code.js`),
  "import of data": () => import(`data:text/javascript,${"export default 1"}`),
  importScripts: ({ hub }) =>
    (scope.importScripts as unknown as (url: string) => void)(`${hub}/tab/agent.js`) ?? "ran",
  "a worker of its own": () => opened(new scope.Worker!("data:text/javascript,postMessage(1)")),
  "a worker by another name": () =>
    opened(new (Function("return Worker")())("data:text/javascript,postMessage(1)")),
  SharedWorker: () => new scope.SharedWorker!("data:text/javascript,0"),
  "a channel to other pages": () => new scope.BroadcastChannel!("musketeers"),
  "messages to the frame": () =>
    (scope.postMessage as unknown as (message: unknown) => void)("failed") ?? "sent",
  "messages by way of the prototype": () => {
    let holder: object | null = globalThis;
    for (; holder !== null; holder = Object.getPrototypeOf(holder)) {
      const found = Object.getOwnPropertyDescriptor(holder, "postMessage");
      if (found !== undefined) return "found";
    }
    return undefined;
  },
  "navigating away": ({ site }) => {
    (globalThis as unknown as { location: unknown }).location = site;
    return undefined;
  },
};

export const attemptNames = Object.keys(attempts);

const DENIED_AFTER_MS = 5_000;

/** What came of an attempt: undefined where it was denied. */
export const attempt = task(
  async ({ name, ...targets }: Targets & { readonly name: string }) => {
    const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), DENIED_AFTER_MS));
    try {
      const got = await Promise.race([attempts[name]!(targets), late]);
      return got === undefined ? undefined : `got ${String(got)}`;
    } catch {
      return undefined;
    }
  },
  { retries: 0 },
);

/** Tampers with what the sandbox's own program uses, then goes on as if nothing were. */
export const tamper = task(
  (how: string) => {
    const { prototype } = DataView as { prototype: { setUint32: (...args: never[]) => void } };
    switch (how) {
      case "frames":
        prototype.setUint32 = () => {};
        break;
      case "lengths": {
        const honest = prototype.setUint32 as unknown as (at: number, value: number, little: boolean) => void;
        prototype.setUint32 = function (this: DataView, at: number, value: number) {
          honest.call(this as never, at, value + 1_000_000, true);
        } as never;
        break;
      }
      case "prototypes":
        for (const { prototype: each } of [Map, Set, Array, Promise] as unknown as { prototype: object }[]) {
          for (const name of Object.getOwnPropertyNames(each)) {
            if (name !== "constructor" && name !== "length") Reflect.set(each, name, () => how);
          }
        }
        break;
      case "messages":
        for (const name of ["data", "ports", "target", "source"]) {
          const holder = name === "target" ? Event : MessageEvent;
          Object.defineProperty(holder.prototype, name, { get: () => new ArrayBuffer(8) });
        }
        break;
      default:
    }
    return how;
  },
  { retries: 0, maxAttempts: 1, timeout: "2s" },
);

/** Whether what a task finds is as it was made. */
export const untouched = task(
  () =>
    [
      new Map([[1, 2]]).get(1),
      [1, 2].map((n) => n + 1),
      new DataView(new ArrayBuffer(4)).byteLength,
    ] as const,
);
