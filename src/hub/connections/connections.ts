import type { InviteSummary, MusketeersError } from "../../protocol/index.ts";
import type { KnownInvite } from "../invites/invites.ts";
import { type Peer, revokedInvite } from "./peer.ts";

/** The live connections of a hub. */
export class Connections {
  /** By the bearer token of each. */
  readonly #peers = new Map<string, Peer>();

  add(peer: Peer): void {
    this.#peers.set(peer.sessionToken, peer);
  }

  delete(peer: Peer): void {
    this.#peers.delete(peer.sessionToken);
  }

  withToken(token: string): Peer | undefined {
    return this.#peers.get(token);
  }

  /** Bytes that wait to leave, to all of them together. */
  get bufferedBytes(): number {
    let bytes = 0;
    for (const peer of this) bytes += peer.bufferedBytes;
    return bytes;
  }

  /** How many there are of each role. */
  byRole(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { provenRole = "stranger" } of this) counts.set(provenRole, (counts.get(provenRole) ?? 0) + 1);
    return counts;
  }

  /** Invites with the number of connections that came with each. */
  countFor(invites: readonly KnownInvite[], usesOf: (id: string) => number): InviteSummary[] {
    const counts = new Map<string, number>();
    for (const { provenGrant = "" } of this) counts.set(provenGrant, (counts.get(provenGrant) ?? 0) + 1);
    return invites.map((invite) => ({
      ...invite,
      used: usesOf(invite.id),
      connections: counts.get(invite.id) ?? 0,
    }));
  }

  /** Ends all that came with an invite. */
  shutOut(grantId: string): void {
    for (const peer of this) if (peer.provenGrant === grantId) peer.fail(revokedInvite());
  }

  /** Says why to everybody, and closes. */
  failAll(error: MusketeersError): void {
    for (const peer of this) peer.fail(error);
  }

  [Symbol.iterator](): IterableIterator<Peer> {
    return this.#peers.values();
  }
}
