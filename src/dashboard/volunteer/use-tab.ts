import { useEffect, useRef, useState } from "preact/hooks";
import { type Asks, type TabState, TabWorker } from "../../worker/browser.ts";
import { type Given, GivenKeeper, givenTo, type Settings } from "./kept.ts";

/** A tab that works, or may. */
export interface Tab {
  /** Undefined before it was started. */
  readonly state: TabState | undefined;
  /** To the project with this browser, this visit included. */
  readonly given: Given;
  start(settings: Settings): void;
  pause(): void;
  resume(): void;
  leave(): void;
  grant(asks: Asks): void;
  /** Lends more or less from now on. */
  change(settings: Settings): void;
}

/**
 * Runs a worker in this tab while the page is open, and leaves with it.
 * @param project by which what was given is kept
 */
export function useTab(invite: string, asks: Asks, project: string): Tab {
  const worker = useRef<TabWorker | undefined>(undefined);
  const [state, setState] = useState<TabState>();
  const [given, setGiven] = useState(() => givenTo(localStorage, project));
  useEffect(() => {
    // Who comes back to a page that the browser kept finds it as it was left: outside.
    const leave = () => void worker.current?.leave();
    addEventListener("pagehide", leave);
    return () => {
      removeEventListener("pagehide", leave);
      leave();
    };
  }, []);
  return {
    state,
    given,
    start: ({ slots, onlyWhenVisible, onlyWhenCharging, name }) => {
      const keeper = new GivenKeeper(localStorage, project);
      const named = name === "" ? {} : { name };
      const tab = TabWorker.start({
        invite,
        slots,
        accept: asks,
        onlyWhenVisible,
        onlyWhenCharging,
        ...named,
      });
      worker.current = tab;
      tab.onState((next) => {
        if (worker.current !== tab) return;
        setState(next);
        setGiven(keeper.add(next.done));
      });
    },
    pause: () => worker.current?.pause(),
    resume: () => worker.current?.resume(),
    leave: () => void worker.current?.leave(),
    grant: (more) => worker.current?.grant(more),
    change: ({ slots, onlyWhenVisible, onlyWhenCharging }) => {
      worker.current?.setSlots(slots);
      worker.current?.setRules({ onlyWhenVisible, onlyWhenCharging });
    },
  };
}
