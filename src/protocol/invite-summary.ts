import type { Role } from "./messages/handshake.ts";

/** An invite that has not expired, without its secret. Times are milliseconds since 1970. */
export interface InviteSummary {
  readonly id: string;
  readonly role: Role;
  readonly label: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly revokedAtMs: number | null;
  readonly project: string;
  /** How many keys may take it up, and how many did. */
  readonly uses: number | null;
  readonly used: number;
  /** How many people it is for; null: one. */
  readonly people: number | null;
  /** Who that is, where it was said. */
  readonly person: string;
  readonly trusted: boolean;
  /** How many are connected with it now. */
  readonly connections: number;
}

/** What an invite is to allow, and whom. */
export interface InviteParams {
  readonly role: Role;
  readonly expiresInMs: number;
  readonly label?: string;
  readonly project?: string;
  readonly uses?: number;
  readonly people?: number;
  readonly person?: string;
  readonly trusted?: boolean;
}
