/** When a volunteer's machine may work, and how much of it. */
export { Governor, type Probes } from "./governor.ts";
export { isWithin, parseHours } from "./hours.ts";
export { ownTime, processorMsOf } from "./own-time.ts";
export { readPause, removePause, writePause } from "./pause-file.ts";
export { onBattery } from "./probes/battery.ts";
export { othersProbe } from "./probes/others.ts";
export { untouchedMs } from "./probes/untouched.ts";
export { type Reading, type Rules, reasonToPause } from "./rules.ts";
export { Throttle } from "./throttle.ts";
