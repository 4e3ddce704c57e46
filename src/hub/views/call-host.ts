import type { Calls, InviteParams, InviteSummary } from "../../protocol/index.ts";

/** What only the hub itself can say and do: its name, its invites. */
export interface CallHost {
  readonly name: string;
  readonly upSinceMs: number;
  /** Resolves when it is known to be there, so that it can be revoked. */
  invite(options: InviteParams): Promise<Calls["invite"]["value"]>;
  invites(): InviteSummary[];
  /** @param own id of the caller's invite */
  revoke(idOrLabel: string, own: string): Promise<InviteSummary[]>;
}
