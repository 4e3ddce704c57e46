import { Fields, IMAGE_CHARACTERS_MAX } from "../../protocol/index.ts";
import type { ConsentRequest } from "./request.ts";

/*
 * What stands in a file of consents, checked by hand: a library of schemas would stay in the memory of every worker.
 */

/** Images that are remembered of one project; the one granted longest ago is forgotten first. */
export const IMAGES_MAX = 64;
const HOSTS_MAX = 256;
/** The file is its owner's: what is not bounded here is as long as they like. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;

/** What was granted to a project, when, and where it was met. Times are milliseconds since 1970. */
export interface Granted {
  readonly net: string[];
  readonly memoryBytes: number;
  readonly images?: readonly string[] | undefined;
  readonly project: string;
  readonly hub: string;
  readonly atMs: number;
}

export interface ConsentContent {
  readonly version: 1;
  /** By project root key. */
  readonly projects: Record<string, Granted>;
  readonly requests: ConsentRequest[];
}

const parseAsks = (fields: Fields): Pick<Granted, "net" | "memoryBytes" | "images"> => ({
  net: [...fields.strings("net", HOSTS_MAX)],
  memoryBytes: fields.integer("memoryBytes"),
  ...(fields.has("images") ? { images: fields.strings("images", IMAGES_MAX, IMAGE_CHARACTERS_MAX) } : {}),
});

const parseGranted = (fields: Fields): Granted => ({
  ...parseAsks(fields),
  project: fields.string("project", UNBOUNDED),
  hub: fields.string("hub", UNBOUNDED),
  atMs: fields.number("atMs"),
});

const parseRequest = (fields: Fields): ConsentRequest => ({
  ...parseAsks(fields),
  id: fields.string("id", 64),
  of: fields.string("of", 256),
  project: fields.string("project", UNBOUNDED),
  hub: fields.string("hub", UNBOUNDED),
  task: fields.string("task", UNBOUNDED),
  submitter: fields.string("submitter", UNBOUNDED),
  atMs: fields.number("atMs"),
});

/** @throws an error that says what is wrong, for anything else */
export function parseContent(text: string): ConsentContent {
  const fields = new Fields("consents", JSON.parse(text));
  fields.integer("version", 1, 1);
  const projects = fields.raw("projects");
  fields.object("projects");
  return {
    version: 1,
    projects: Object.fromEntries(
      Object.entries(projects as object).map(([id, value]) => [id, parseGranted(new Fields("grant", value))]),
    ),
    requests: fields.list("requests", UNBOUNDED).map((value) => parseRequest(new Fields("request", value))),
  };
}
