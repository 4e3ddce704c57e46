/** What the hub does for shuffles besides what it does for every job. */
export { mapFailureOf } from "./map-failure.ts";
export { Shuffles } from "./shuffles.ts";
export { stagesIn } from "./stages.ts";
