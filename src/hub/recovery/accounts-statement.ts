import { decodeValue, encodeValue, MusketeersError } from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";
import { ACCOUNTS, openStatement, publicKeyOf, signStatement } from "../../security/index.ts";
import type { CreditRow } from "../credit/index.ts";
import type { KnownPerson } from "../trust/index.ts";

/** What a hub knows of those who work for it, as trusted workers keep it. */
export interface AccountsStatement {
  /** Rises from one to the next; no smaller than its time, in milliseconds since 1970. */
  readonly sequence: number;
  /** Since when the hub went on without a loss of its disk; 0: ever. */
  readonly lifeMs: number;
  readonly credit: readonly CreditRow[];
  readonly people: readonly KnownPerson[];
}

const ROWS_MAX = 1_000_000;
const NAMES_MAX = 1_000;
/** Fields stand in this order, without their names. */
const creditFields = [
  "person",
  "project",
  "label",
  "seconds",
  "inputs",
  "beforeSeconds",
  "beforeInputs",
  "lastAtMs",
] as const;
const personFields = ["person", "streak", "valid", "bad", "accusations"] as const;

const inOrder = <Row extends object>(row: Row, names: readonly (keyof Row)[]): unknown[] =>
  names.map((name) => row[name]);

function named(row: unknown, names: readonly string[]): Fields {
  const values = Array.isArray(row) ? row : [];
  return new Fields("accounts", Object.fromEntries(names.map((name, at) => [name, values[at]])));
}

/** Signs accounts, so that whoever keeps them can give them back and change nothing. */
export function signAccounts(accounts: AccountsStatement, secretKey: Uint8Array): Uint8Array {
  const { sequence, lifeMs } = accounts;
  const credit = accounts.credit.map((row) => inOrder(row, creditFields));
  const people = accounts.people.map(({ accusations = [], ...person }) =>
    inOrder({ ...person, accusations }, personFields),
  );
  return signStatement(
    { about: ACCOUNTS, sequence, content: encodeValue({ lifeMs, credit, people }) },
    secretKey,
  );
}

/**
 * Reads accounts of this hub's own.
 * @throws MusketeersError `UNAUTHORIZED` for what it has not signed, `PROTOCOL`
 */
export function openAccounts(bytes: Uint8Array, secretKey: Uint8Array): AccountsStatement {
  const { sequence, content } = openStatement(bytes, ACCOUNTS, publicKeyOf(secretKey));
  let decoded: unknown;
  try {
    decoded = decodeValue(content);
  } catch (cause) {
    throw new MusketeersError("PROTOCOL", "These accounts are of another version", { cause });
  }
  const fields = new Fields("accounts", decoded);
  const credit = fields.list("credit", ROWS_MAX).map((item): CreditRow => {
    const row = named(item, creditFields);
    return {
      person: row.string("person"),
      project: row.string("project"),
      label: row.string("label"),
      seconds: row.number("seconds"),
      inputs: row.integer("inputs"),
      beforeSeconds: row.number("beforeSeconds"),
      beforeInputs: row.integer("beforeInputs"),
      lastAtMs: row.integer("lastAtMs"),
    };
  });
  const people = fields.list("people", ROWS_MAX).map((item): KnownPerson => {
    const row = named(item, personFields);
    return {
      person: row.string("person"),
      streak: row.integer("streak"),
      valid: row.integer("valid"),
      bad: row.integer("bad"),
      accusations: row
        .list("accusations", NAMES_MAX)
        .map((names) => new Fields("accounts", { names }).strings("names", NAMES_MAX)),
    };
  });
  return { sequence, lifeMs: fields.integer("lifeMs"), credit, people };
}
