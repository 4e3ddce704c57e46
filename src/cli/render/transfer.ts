import { bytes, duration, percent, plural } from "./format.ts";
import { bar } from "./table.ts";

export interface TransferState {
  readonly bytes: number;
  /** As far as it is known; at least `bytes`. */
  readonly bytesTotal: number;
  readonly files: number;
  /** The file of the moment. */
  readonly path: string;
}

const BAR_WIDTH = 24;
const ETA_AFTER_MS = 1_000;

/** One line: a bar, how much, how fast, how long still, and where. */
export function transferText(state: TransferState, elapsedMs: number): string {
  const { bytes: done, bytesTotal, files, path } = state;
  const perSecond = elapsedMs > 0 ? (done * 1000) / elapsedMs : 0;
  const share = bytesTotal === 0 ? 0 : done / bytesTotal;
  const parts = [
    `${bar(share, BAR_WIDTH).padEnd(BAR_WIDTH, "·")} ${percent(done, bytesTotal)}`,
    `${bytes(done)} of ${bytes(bytesTotal)}`,
  ];
  if (elapsedMs > 0) parts.push(`${bytes(perSecond)}/s`);
  if (done > 0 && done < bytesTotal && elapsedMs > ETA_AFTER_MS) {
    parts.push(`${duration(((bytesTotal - done) / perSecond) * 1000)} left`);
  }
  if (files > 1) parts.push(plural(files, "file"));
  if (path !== "") parts.push(path);
  return parts.join("  ");
}
