/** What pages see: who did what and when, and what changes of it. */
export { JobHistory } from "./job-history.ts";
export { Live } from "./live.ts";
