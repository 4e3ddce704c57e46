import type { Host } from "./host.ts";
import { serve } from "./serve.ts";
import { type Listen, straysOf } from "./strays.ts";

/** The part of a dedicated worker's scope that the bootstrap uses. */
interface WorkerScope {
  onmessage: ((event: PortEvent) => void) | null;
  readonly addEventListener: Listen;
  close(): void;
}

interface Port {
  onmessage: ((event: PortEvent) => void) | null;
  postMessage(message: ArrayBuffer, transfer: readonly ArrayBuffer[]): void;
}

interface PortEvent {
  readonly data: unknown;
  readonly ports: readonly Port[];
}

const scope = globalThis as unknown as WorkerScope;

/**
 * What a task has no use for, or might use more of the machine with than the slot that it was given. The frame's policy
 * denies the rest, also to what is found some other way.
 */
const NOT_FOR_TASKS = ["Worker", "SharedWorker", "BroadcastChannel", "postMessage", "onmessage", "close"];

function takeAway(): void {
  for (const name of NOT_FOR_TASKS) {
    for (let holder: object | null = scope; holder !== null; holder = Object.getPrototypeOf(holder)) {
      Reflect.deleteProperty(holder, name);
    }
  }
}

/** Everything is taken hold of before the task's code is there, which may change what it finds. */
function tabHost(port: Port): Host {
  const post = port.postMessage.bind(port);
  const close = scope.close.bind(scope);
  const listen = scope.addEventListener.bind(scope);
  const dataOf = Object.getOwnPropertyDescriptor(MessageEvent.prototype, "data")!.get!;
  const read = Function.prototype.call.bind(dataOf) as (event: PortEvent) => ArrayBuffer;
  const copy = Function.prototype.call.bind(Uint8Array.prototype.slice) as (bytes: Uint8Array) => Uint8Array;
  const importModule = (url: string): Promise<Record<string, unknown>> => import(url);
  return {
    read(onBytes) {
      port.onmessage = (event) => onBytes(new Uint8Array(read(event)));
      // The agent's end is closed with the frame, and this worker with it.
      return new Promise(() => {});
    },
    write(bytes) {
      // Whoever wrote them may use their memory again.
      const { buffer } = copy(bytes) as { buffer: ArrayBuffer };
      post(buffer, [buffer]);
    },
    load(code) {
      const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
      return { url, module: importModule(url) };
    },
    onStray: straysOf(listen),
    exit: close,
  };
}

scope.onmessage = ({ ports: [port] }) => {
  if (port === undefined) return;
  const host = tabHost(port);
  takeAway();
  serve(host);
};
