/** Credit: who did how much of what was accepted. */
export { CreditBook, type CreditRow } from "./book.ts";
export { Claims } from "./claims.ts";
export { type Claim, CREDIT_PREFIX, Credit } from "./credit.ts";
