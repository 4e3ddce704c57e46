const events = globalThis.process?.getBuiltinModule?.("node:events");

/** Says of a signal that many wait for it at once, so that Node does not take them for a leak. */
export function allowManyListeners(signal: AbortSignal): void {
  events?.setMaxListeners(0, signal);
}
