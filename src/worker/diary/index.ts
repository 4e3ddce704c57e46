/** What a worker did, for its volunteer to read. */
export { Diary, type DiaryOptions } from "./diary.ts";
export { DiaryFile } from "./diary-file.ts";
export type { DeniedCount, DiaryEntry } from "./entry.ts";
