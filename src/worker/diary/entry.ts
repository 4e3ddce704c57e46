import { Fields } from "../../protocol/index.ts";
import type { Denial } from "../executors/denial.ts";

/* A line of the volunteer's log: what ran of one task for some seconds. Checked by hand, as consents are. */

export interface DeniedCount extends Denial {
  count: number;
}

export interface DiaryEntry {
  /** Milliseconds since 1970. */
  fromMs: number;
  untilMs: number;
  hub: string;
  project: string;
  /** Label of the certificate that its code came with; empty where nobody signed it. */
  submitter: string;
  task: string;
  /** CID of the code. */
  bundle: string;
  units: number;
  inputs: number;
  failed: number;
  /** Processor time of its sandboxes; where the system does not tell, the time that inputs took. */
  cpuMs: number;
  /** Of inputs, and of results. */
  bytesIn: number;
  bytesOut: number;
  /** What did not come to its usual end, how often, and why. */
  endings: Record<string, number>;
  denied: DeniedCount[];
  /** Denials of other things than those, of which there were too many. */
  deniedMore: number;
}

const UNBOUNDED = Number.MAX_SAFE_INTEGER;

const text = (fields: Fields, name: string): string => fields.string(name, UNBOUNDED);

function parseDenied(value: unknown): DeniedCount {
  const fields = new Fields("denied", value);
  return {
    permission: text(fields, "permission"),
    target: text(fields, "target"),
    by: fields.oneOf("by", ["sandbox", "task"]),
    count: fields.number("count"),
  };
}

function parseEndings(fields: Fields): Record<string, number> {
  const endings = fields.object("endings");
  return Object.fromEntries(
    Object.keys(fields.raw("endings") as object).map((name) => [name, endings.number(name)]),
  );
}

/** Reads a line; undefined for what is none, such as one that was cut by a full disk. */
export function parseEntry(line: string): DiaryEntry | undefined {
  try {
    const fields = new Fields("entry", JSON.parse(line));
    return {
      fromMs: fields.number("fromMs"),
      untilMs: fields.number("untilMs"),
      hub: text(fields, "hub"),
      project: text(fields, "project"),
      submitter: text(fields, "submitter"),
      task: text(fields, "task"),
      bundle: text(fields, "bundle"),
      units: fields.number("units"),
      inputs: fields.number("inputs"),
      failed: fields.number("failed"),
      cpuMs: fields.number("cpuMs"),
      bytesIn: fields.number("bytesIn"),
      bytesOut: fields.number("bytesOut"),
      endings: parseEndings(fields),
      denied: fields.list("denied", UNBOUNDED).map(parseDenied),
      deniedMore: fields.number("deniedMore"),
    };
  } catch {
    return undefined;
  }
}
