import { createHash } from "node:crypto";
import { task } from "../../src/client/index.ts";

/** Needs what no browser has. */
export const sha256 = task((text: string) => createHash("sha256").update(text).digest("hex"), { retries: 0 });
