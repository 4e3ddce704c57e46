import { constants } from "node:os";

export type StopSignal = "SIGINT" | "SIGTERM";

/** Exit status of a program that a signal ended, as shells count. */
export const signalStatus = (signal: StopSignal): number => 128 + constants.signals[signal];

export interface Stopper extends Disposable {
  /** Aborts at the first Ctrl-C or SIGTERM; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Resolves then. */
  readonly stopped: Promise<StopSignal>;
}

/**
 * Turns the first Ctrl-C or SIGTERM into an abort, so that a command can end in good order. The second
 * one ends the process at once, after `atOnce`.
 */
export function listenForStop(atOnce: () => void = () => {}): Stopper {
  const controller = new AbortController();
  let settle: (signal: StopSignal) => void = () => {};
  const stopped = new Promise<StopSignal>((resolve) => {
    settle = resolve;
  });
  const onSignal = (signal: StopSignal) => {
    if (controller.signal.aborted) {
      atOnce();
      process.exit(signalStatus(signal));
    }
    controller.abort(signal);
    settle(signal);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    signal: controller.signal,
    stopped,
    [Symbol.dispose]: () => {
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
