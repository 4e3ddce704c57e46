import { task } from "../../client/index.ts";

/** The smallest task there is: one word is one of that word. Its submitter adds them up. */
export const countWord = task((word: string): readonly [string, number] => [word, 1], { name: "countWord" });
