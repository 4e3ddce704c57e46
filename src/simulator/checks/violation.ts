import type { ViolationKind } from "../types.ts";

/** What is wrong, found by a checker and not by chance. */
export class ViolationError extends Error {
  readonly kind: ViolationKind;
  constructor(kind: ViolationKind, message: string) {
    super(message);
    this.name = "ViolationError";
    this.kind = kind;
  }
}
