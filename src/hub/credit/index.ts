/** Credit: who did how much of what was accepted. */
export { Claims } from "./claims.ts";
export { type Claim, Credit } from "./credit.ts";
