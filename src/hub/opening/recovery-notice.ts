import type { Recovery } from "../../engine/index.ts";

/** What an operator should know of what was cut off the journal when it was opened. */
export function recoveryNotice({ droppedBytes, segment, offset, lostRecords }: Recovery): string {
  if (lostRecords === 0) {
    return `the last write before a crash was not whole: its ${droppedBytes} bytes were cut off ${segment}`;
  }
  return (
    `a power cut cost the newest part of the journal: ${droppedBytes} bytes behind offset ${offset} of ` +
    `${segment}, ${lostRecords} whole records among them; what they say is done again ` +
    "(--durability strict loses nothing)"
  );
}
