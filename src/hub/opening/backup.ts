import { createHash } from "node:crypto";
import { join } from "node:path";
import { exportRegistry, importRegistry, type RegistryRow } from "../../engine/index.ts";
import { MusketeersError } from "../../protocol/index.ts";
import { KEY_BYTES, publicKeyOf } from "../../security/index.ts";
import { installKey, loadKey, loadOrCreateText } from "../../security/node.ts";
import { CREDIT_PREFIX, CreditBook } from "../credit/index.ts";
import { readOwnTls, TLS_NAME } from "../http/tls.ts";
import { PERSON_PREFIX, personIn } from "../trust/index.ts";
import { KEY_NAME } from "./key-name.ts";

/*
 * What of a hub cannot be had from anywhere else once its disk is gone: its key, without which every invite is
 * void and nothing that it signed can be told from a forgery, the TLS key that invites pin, the root keys of its
 * owner, and the small keys of its registry that mean something without the journal. It is one text file, so that it can be printed, mailed to oneself, or kept in
 * a vault for passwords.
 */

const FORMAT = "musketeers backup 1";
/** Keys that mean something on another disk; a checkpoint's place in a journal that is gone does not. */
const kept: readonly string[] = [
  "invite/",
  "takers/",
  "project/",
  "dataset/",
  "catalogue",
  "address",
  CREDIT_PREFIX,
  PERSON_PREFIX,
  "accounts",
];

/** A backup as it was read and checked. */
export interface Backup {
  readonly createdAtMs: number;
  readonly secretKey: Uint8Array;
  readonly rows: readonly RegistryRow[];
  /** Its own TLS key and certificate as PEM, where it has made them. */
  readonly tls: string | undefined;
  /** Of the projects that whoever makes it owns, by their names: their root keys, which no hub has. */
  readonly rootKeys: ReadonlyMap<string, Uint8Array>;
}

/** What a backup holds, for people. */
export interface BackupSummary {
  readonly createdAtMs: number;
  /** Public key of the hub, in hexadecimal. */
  readonly hub: string;
  readonly invites: number;
  readonly datasets: number;
  /** Of whom something is known: what they did, or whether they are believed. */
  readonly people: number;
  /** Projects whose root keys it holds. */
  readonly projects: readonly string[];
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));
const checkOf = (content: string): string => createHash("sha256").update(content).digest("hex");

export function summaryOf({ createdAtMs, secretKey, rows, rootKeys }: Backup): BackupSummary {
  const count = (prefix: string) => rows.filter(({ key }) => key.startsWith(prefix)).length;
  const hub = hex(publicKeyOf(secretKey));
  const projects = [...rootKeys.keys()];
  const people = peopleIn(rows);
  return { createdAtMs, hub, invites: count("invite/"), datasets: count("dataset/"), people, projects };
}

/** Where credit is given everybody has some; the others are known as people. */
function peopleIn(rows: readonly RegistryRow[]): number {
  const book = new CreditBook(Number.POSITIVE_INFINITY);
  for (const { key, value } of rows) if (key.startsWith(CREDIT_PREFIX)) book.readPage(value);
  const known = rows.filter(({ key }) => key.startsWith(PERSON_PREFIX)).map(({ key }) => personIn(key));
  return new Set([...book.list().map(({ person }) => person), ...known]).size;
}

/**
 * Reads what a backup is to hold from a hub's data directory, also while the hub runs on it.
 * @param rootKeysOf finds the root keys that are to be saved with it
 * @throws MusketeersError `NOT_FOUND` where no hub was, `JOURNAL_CORRUPT`, `STORAGE`
 */
export async function takeBackup(
  directory: string,
  nowMs: number,
  rootKeysOf: (hubKey: Uint8Array) => Promise<Backup["rootKeys"]> = async () => new Map(),
): Promise<Backup> {
  const secretKey = await loadKey(join(directory, KEY_NAME));
  const rows = await exportRegistry(directory);
  const isKept = ({ key }: RegistryRow) => kept.some((prefix) => key.startsWith(prefix));
  const tls = await readOwnTls(directory);
  const rootKeys = await rootKeysOf(publicKeyOf(secretKey));
  return { createdAtMs: nowMs, secretKey, rows: rows.filter(isKept), tls, rootKeys };
}

/** A backup as text; the last line tells whether it is whole. */
export function renderBackup(backup: Backup): string {
  const { createdAtMs, secretKey, rows, tls, rootKeys } = backup;
  const content = JSON.stringify(
    {
      format: FORMAT,
      created: new Date(createdAtMs).toISOString(),
      hub: hex(publicKeyOf(secretKey)),
      secretKey: hex(secretKey),
      registry: rows.map(({ key, value, revision, expiresAtMs }) => [
        key,
        Buffer.from(value).toString("base64"),
        revision,
        expiresAtMs,
      ]),
      tls,
      rootKeys: Object.fromEntries([...rootKeys].map(([project, key]) => [project, hex(key)])),
    },
    null,
    1,
  );
  return `${content}\n${checkOf(content)}\n`;
}

/**
 * Reads a backup.
 * @throws MusketeersError `BAD_ARGUMENT` for a text that is none, or was cut or changed.
 */
export function parseBackup(text: string): Backup {
  const lines = text.trimEnd().replaceAll("\r\n", "\n");
  const cut = lines.lastIndexOf("\n");
  const content = lines.slice(0, cut);
  if (cut < 0 || lines.slice(cut + 1) !== checkOf(content)) {
    throw new MusketeersError("BAD_ARGUMENT", "This is no backup of a hub, or not all of it", {
      hint: "Give the file that `musketeers backup` wrote, from its first line to its last.",
    });
  }
  const { format, created, secretKey, registry, tls, rootKeys } = JSON.parse(content) as {
    format: string;
    created: string;
    secretKey: string;
    registry: readonly (readonly [string, string, number, number | null])[];
    tls?: string;
    rootKeys?: Readonly<Record<string, string>>;
  };
  const key = unhex(secretKey ?? "");
  if (format !== FORMAT || key.length !== KEY_BYTES) {
    throw new MusketeersError("BAD_ARGUMENT", `This is a backup of another version: ${format}`);
  }
  const rows = registry.map(([name, value, revision, expiresAtMs]): RegistryRow => {
    return { key: name, value: new Uint8Array(Buffer.from(value, "base64")), revision, expiresAtMs };
  });
  const roots = Object.entries(rootKeys ?? {}).map(([project, root]) => [project, unhex(root)] as const);
  return { createdAtMs: Date.parse(created), secretKey: key, rows, tls, rootKeys: new Map(roots) };
}

/**
 * Puts a backup into a data directory from which a hub is to start: the key, and of the rest what it has
 * not got itself.
 * @throws MusketeersError `BAD_ARGUMENT` where the directory is another hub's, `DATA_IN_USE`, `STORAGE`
 */
export async function restoreBackup(directory: string, { secretKey, rows, tls }: Backup): Promise<void> {
  await installKey(join(directory, KEY_NAME), secretKey);
  if (tls !== undefined) await loadOrCreateText(join(directory, TLS_NAME), async () => tls);
  await importRegistry(directory, rows);
}
