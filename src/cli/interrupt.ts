import { ExitStatus } from "./failure.ts";
import { listenForStop, signalStatus } from "./stop.ts";

/** Does something that Ctrl-C, SIGTERM and SIGHUP abort; the program then ends with the signal's status. */
export async function withInterrupt<T>(use: (signal: AbortSignal) => Promise<T>): Promise<T> {
  using stopper = listenForStop();
  const { signal } = stopper;
  try {
    return await use(signal);
  } catch (error) {
    if (signal.aborted) throw new ExitStatus(signalStatus(signal.reason));
    throw error;
  }
}
