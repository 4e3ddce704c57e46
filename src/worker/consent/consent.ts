import type { Asks } from "./asks.ts";
import type { ConsentRequest } from "./request.ts";

/** What an agent knows of its volunteer's will. */
export interface Consent {
  /** What tasks of the project may have besides what flags allow. */
  readonly granted: Asks;
  /** Told when there is more, or less, than before. */
  onChange: () => void;
  /** Puts a question to the volunteer, once, however often it is asked. */
  ask(question: Omit<ConsentRequest, "id" | "of" | "project" | "hub" | "atMs">): void;
}
