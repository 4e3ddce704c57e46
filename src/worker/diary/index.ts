/** What a worker did, for its volunteer to read. */
export { Diary } from "./diary.ts";
export { DiaryFile } from "./diary-file.ts";
export type { DiaryEntry } from "./entry.ts";
