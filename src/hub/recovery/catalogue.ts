import {
  type DatasetSummary,
  decodeValue,
  encodeValue,
  type InviteSummary,
  MusketeersError,
  roles,
} from "../../protocol/index.ts";
import { Fields } from "../../protocol/messages/index.ts";
import type { CatalogueSpan, Span } from "../../scheduler/index.ts";
import { CATALOGUE, openStatement, publicKeyOf, signStatement } from "../../security/index.ts";

/** Of a revoked invite no more has to be known. */
type RevokedInvite = Pick<
  InviteSummary,
  "id" | "role" | "label" | "issuedAtMs" | "expiresAtMs" | "revokedAtMs"
>;

/** What a hub wants to know again after the loss of its disk, besides its key. */
export interface Catalogue extends CatalogueSpan {
  /** Rises with every change; no smaller than the time of the change, in milliseconds since 1970. */
  readonly sequence: number;
  readonly datasets: readonly DatasetSummary[];
  /** Those that must not let anybody in again. */
  readonly revoked: readonly RevokedInvite[];
}

/** Signs a catalogue, so that whoever keeps it can give it back and change nothing. */
export function signCatalogue(catalogue: Catalogue, secretKey: Uint8Array): Uint8Array {
  const { sequence, datasets, unheard = [] } = catalogue;
  const revoked = catalogue.revoked.map(({ id, role, label, issuedAtMs, expiresAtMs, revokedAtMs }) => {
    return { id, role, label, issuedAtMs, expiresAtMs, revokedAtMs };
  });
  const content = encodeValue({ datasets, revoked, unheard: unheard.flat() });
  return signStatement({ about: CATALOGUE, sequence, content }, secretKey);
}

const DATASETS_MAX = 1_000_000;

/** Spans as they are written: both ends of each, one after the other. @throws MusketeersError `PROTOCOL` */
export function readSpans(fields: Fields, key: string): readonly Span[] {
  const ends = fields.integers(key, DATASETS_MAX);
  return Array.from({ length: ends.length >> 1 }, (_, at): Span => [ends[2 * at]!, ends[2 * at + 1]!]);
}

/**
 * Reads a catalogue of this hub's own.
 * @throws MusketeersError `UNAUTHORIZED` for one that it has not signed, `PROTOCOL`
 */
export function openCatalogue(bytes: Uint8Array, secretKey: Uint8Array): Catalogue {
  const { sequence, content } = openStatement(bytes, CATALOGUE, publicKeyOf(secretKey));
  const fields = new Fields("catalogue", decodeContent(content));
  const datasets = fields.list("datasets", DATASETS_MAX).map((item): DatasetSummary => {
    const row = new Fields("catalogue.datasets", item);
    return {
      name: row.string("name"),
      cid: row.string("cid"),
      bytes: row.integer("bytes"),
      files: row.integer("files"),
      createdAtMs: row.integer("createdAtMs"),
      owner: row.string("owner"),
      replicas: row.integer("replicas"),
    };
  });
  const revoked = fields.list("revoked", DATASETS_MAX).map((item): RevokedInvite => {
    const row = new Fields("catalogue.revoked", item);
    return {
      id: row.string("id"),
      role: row.oneOf("role", roles),
      label: row.string("label"),
      issuedAtMs: row.integer("issuedAtMs"),
      expiresAtMs: row.integer("expiresAtMs"),
      revokedAtMs: row.integer("revokedAtMs"),
    };
  });
  const unheard = fields.has("unheard") ? readSpans(fields, "unheard") : undefined;
  return { sequence, datasets, revoked, unheard };
}

function decodeContent(content: Uint8Array): unknown {
  try {
    return decodeValue(content);
  } catch (cause) {
    throw new MusketeersError("PROTOCOL", "This catalogue is of another version", { cause });
  }
}
