/** What the volunteer of a machine lets projects do. */
export { type Asks, missingOf, noAsks, together } from "./asks.ts";
export { type Consent, KeptConsent, type KeptConsentOptions } from "./consent.ts";
export { ConsentFile, type ConsentRequest, type Granted, projectIdOf } from "./consent-file.ts";
