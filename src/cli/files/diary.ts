import { join } from "node:path";
import { configDirectory } from "../../client/node.ts";
import { defaultLimits } from "../../protocol/index.ts";
import type { Environment } from "../terminal.ts";

/** What all workers of this user wrote down of what they ran. */
export async function openDiary(env: Environment) {
  const { DiaryFile } = await import("../../worker/node.ts");
  return new DiaryFile(join(configDirectory(env), "worker-log.jsonl"), defaultLimits.workerLogBytesMax);
}
