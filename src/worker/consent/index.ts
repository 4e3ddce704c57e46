/** What the volunteer of a machine lets projects do. */
export { type Asks, imagesIn, missingOf, noAsks, together } from "./asks.ts";
export type { Consent } from "./consent.ts";
export { ConsentFile, type Granted } from "./consent-file.ts";
export { KeptConsent } from "./kept-consent.ts";
export { type ConsentRequest, projectIdOf } from "./request.ts";
