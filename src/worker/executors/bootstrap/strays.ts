import type { Host } from "./host.ts";

/** An error or a rejection that nobody caught. */
export interface StrayEvent {
  readonly error?: unknown;
  readonly reason?: unknown;
  preventDefault(): void;
}

/** `addEventListener` of a scope, bound to it. */
export type Listen = (type: string, listener: (event: StrayEvent) => void) => void;

/** Hears what nobody caught in a scope as the web has them. */
export const straysOf =
  (listen: Listen): Host["onStray"] =>
  (listener) => {
    listen("unhandledrejection", (event) => {
      event.preventDefault();
      listener(event.reason);
    });
    listen("error", (event) => {
      event.preventDefault();
      listener(event.error);
    });
  };
