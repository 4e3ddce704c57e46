import { useEffect, useState } from "preact/hooks";

interface Battery extends EventTarget {
  readonly charging: boolean;
}

/** Whether this machine is on mains; "unknown" where the browser does not tell. */
export type Power = "mains" | "battery" | "unknown";

export function usePower(): Power {
  const [power, setPower] = useState<Power>("unknown");
  useEffect(() => {
    const { getBattery } = navigator as Navigator & { getBattery?: () => Promise<Battery> };
    let stop = () => {};
    let over = false;
    const watch = (battery: Battery) => {
      if (over) return;
      const look = () => setPower(battery.charging ? "mains" : "battery");
      look();
      battery.addEventListener("chargingchange", look);
      stop = () => battery.removeEventListener("chargingchange", look);
    };
    getBattery?.call(navigator).then(watch, () => {});
    return () => {
      over = true;
      stop();
    };
  }, []);
  return power;
}

/** Only pages that came over HTTPS, or from this machine, may keep a screen on. */
export const mayStayAwake = (): boolean => "wakeLock" in navigator;

/** Keeps the screen on while `wished`, as long as the page can be seen. */
export function useWakeLock(wished: boolean): void {
  useEffect(() => {
    if (!wished || !mayStayAwake()) return;
    let lock: WakeLockSentinel | undefined;
    let over = false;
    const ask = () => {
      if (document.visibilityState !== "visible") return;
      navigator.wakeLock.request("screen").then(
        (got) => {
          if (over) void got.release();
          else lock = got;
        },
        // A low battery, or the system: then the screen goes dark as ever.
        () => {},
      );
    };
    ask();
    // Browsers take it back whenever the page is hidden.
    document.addEventListener("visibilitychange", ask);
    return () => {
      over = true;
      document.removeEventListener("visibilitychange", ask);
      void lock?.release();
    };
  }, [wished]);
}
