/** Runs a function after the promises that can settle now have settled, and before the next wait for I/O. */
export const afterMicrotasks: (run: () => void) => void = (() => {
  if (typeof globalThis.setImmediate === "function") return (run: () => void) => void setImmediate(run);
  const queue: (() => void)[] = [];
  const { port1, port2 } = new MessageChannel();
  // The compiler knows Node's ports only; where those are, the line above has returned.
  (port2 as unknown as { onmessage?: () => void }).onmessage = () => queue.shift()?.();
  return (run: () => void) => {
    queue.push(run);
    port1.postMessage(0);
  };
})();

/** Lets sockets and timers have their turn. */
export const macrotask = (): Promise<void> => new Promise(afterMicrotasks);
