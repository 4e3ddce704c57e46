import { task } from "../../src/client/index.ts";

/** A worker with this label runs the bystanders' task, and no other does. */
export const LABEL = "bystander";

export const triple = task((n: number) => n * 3, { needs: { labels: [LABEL] } });
