import { constants } from "node:os";

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Exit status of a program that a signal ended, as shells count. */
export const signalStatus = (signal: StopSignal): number => 128 + constants.signals[signal];

export interface Stopper extends Disposable {
  /** Aborts at the first Ctrl-C, SIGTERM or SIGHUP; the reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Resolves then. */
  readonly stopped: Promise<StopSignal>;
  /** Does as if the signal had come. */
  stop(signal: StopSignal): void;
}

export interface StopOptions {
  /** Called before the process ends at once. */
  readonly atOnce?: () => void;
  /** Another process leads this one: what the terminal sends is for it to handle, and this one ends with it. */
  readonly led?: boolean;
}

/**
 * Turns the first Ctrl-C, SIGTERM or SIGHUP (the terminal is gone) into an abort, so that a command can end in
 * good order. A second Ctrl-C or SIGTERM ends the process at once.
 */
export function listenForStop({ atOnce, led = false }: StopOptions = {}): Stopper {
  const controller = new AbortController();
  let settle: (signal: StopSignal) => void = () => {};
  const stopped = new Promise<StopSignal>((resolve) => {
    settle = resolve;
  });
  const stop = (signal: StopSignal) => {
    if (controller.signal.aborted) {
      atOnce?.();
      process.exit(signalStatus(signal));
    }
    controller.abort(signal);
    settle(signal);
  };
  const onInterrupt = () => {
    if (!led) stop("SIGINT");
  };
  // A terminal that is closed may say so twice: through its shell, and itself.
  const onHangUp = () => {
    if (!led && !controller.signal.aborted) stop("SIGHUP");
  };
  const onTerminate = () => stop("SIGTERM");
  const onLeaderGone = () => {
    if (!controller.signal.aborted) stop("SIGTERM");
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGHUP", onHangUp);
  process.on("SIGTERM", onTerminate);
  if (led) process.once("disconnect", onLeaderGone);
  return {
    signal: controller.signal,
    stopped,
    stop,
    [Symbol.dispose]: () => {
      process.off("SIGINT", onInterrupt);
      process.off("SIGHUP", onHangUp);
      process.off("SIGTERM", onTerminate);
      process.off("disconnect", onLeaderGone);
    },
  };
}
