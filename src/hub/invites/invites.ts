import { decode, encode } from "cborg";
import type { Registry } from "../../engine/index.ts";
import {
  DEFAULT_PROJECT,
  defaultLimits,
  type InviteSummary,
  type Limits,
  MusketeersError,
  type Role,
  roles,
} from "../../protocol/index.ts";
import {
  createInvite,
  defaultTerms,
  openGrant,
  parseInvite,
  publicKeyOf,
  type Terms,
} from "../../security/index.ts";

const PREFIX = "invite/";
const DAY_MS = 24 * 60 * 60 * 1000;

export interface InviteOptions extends Partial<Terms> {
  readonly role: Role;
  /** 7 days where nothing is said. */
  readonly expiresInMs?: number;
  /** A note on whom it is for. */
  readonly label?: string;
  readonly project?: string;
  /** How the hub's TLS key is pinned, where it is. */
  readonly tlsPin?: Uint8Array | null;
  /** For this process's own use: a hub that is started again does not list it. */
  readonly ephemeral?: boolean;
}

/** What is kept of an invite: nothing that would let anybody in. */
export type KnownInvite = Omit<InviteSummary, "connections" | "used">;

function encodeInvite({ id: _id, role, label, issuedAtMs, expiresAtMs, revokedAtMs, ...rest }: KnownInvite) {
  return encode([roles.indexOf(role), label, issuedAtMs, expiresAtMs, revokedAtMs, rest]);
}

type Row = [number, string, number, number, number | null, (Terms & { project: string }) | undefined];

function decodeInvite(id: string, bytes: Uint8Array): KnownInvite {
  const [role, label, issuedAtMs, expiresAtMs, revokedAtMs, rest] = decode(bytes) as Row;
  const terms = rest ?? { project: DEFAULT_PROJECT, ...defaultTerms };
  return { id, role: roles[role] as Role, label, issuedAtMs, expiresAtMs, revokedAtMs, ...terms };
}

/** @throws MusketeersError `BAD_ARGUMENT` for terms that contradict each other */
function termsOf(options: InviteOptions, { inviteKeysMax }: Pick<Limits, "inviteKeysMax">): Terms {
  const terms: Terms = {
    uses: options.uses ?? defaultTerms.uses,
    people: options.people ?? defaultTerms.people,
    person: options.person ?? defaultTerms.person,
    trusted: options.trusted ?? defaultTerms.trusted,
  };
  const wrong = (message: string, hint: string) => new MusketeersError("BAD_ARGUMENT", message, { hint });
  if (terms.people !== null && terms.person !== "") {
    throw wrong("An invite for several people cannot be one person's", "Give --people or --person.");
  }
  if (Math.max(terms.uses ?? 0, terms.people ?? 0) > inviteKeysMax) {
    throw wrong(`An invite can be for ${inviteKeysMax} machines at most (inviteKeysMax)`, "Make several.");
  }
  const { role } = options;
  if (role !== "worker" && role !== "admin" && (terms.trusted || terms.people !== null)) {
    throw wrong(
      `Trust and people are about workers, not about a ${role}`,
      "Leave --trusted and --people out.",
    );
  }
  return terms;
}

/** What is to be known of one that was taken back. */
type RevokedInvite = Omit<KnownInvite, "project" | keyof Terms>;

/** The invites that a hub made and that have not expired, so that they can be looked at and taken back. */
export class Invites {
  readonly #registry: Registry;
  readonly #hubSecretKey: Uint8Array;
  readonly #nowMs: () => number;
  readonly #known: Map<string, KnownInvite>;
  readonly #ephemeral = new Set<string>();
  readonly #limits: Pick<Limits, "inviteKeysMax">;
  /** Told of each that is no longer good, before it is stored. */
  onRevoked: (id: string) => void = () => {};

  private constructor(
    registry: Registry,
    hubSecretKey: Uint8Array,
    nowMs: () => number,
    known: readonly KnownInvite[],
    limits: Pick<Limits, "inviteKeysMax">,
  ) {
    this.#limits = limits;
    this.#registry = registry;
    this.#hubSecretKey = hubSecretKey;
    this.#nowMs = nowMs;
    this.#known = new Map(known.map((invite) => [invite.id, invite]));
  }

  /** Reads what was kept. */
  static async open(
    registry: Registry,
    hubSecretKey: Uint8Array,
    nowMs: () => number,
    limits: Pick<Limits, "inviteKeysMax"> = defaultLimits,
  ): Promise<Invites> {
    const keys = await registry.list(PREFIX);
    const known = await Promise.all(
      keys.map(async (key) => {
        const entry = await registry.get(key);
        return entry === undefined ? [] : [decodeInvite(key.slice(PREFIX.length), entry.value)];
      }),
    );
    return new Invites(registry, hubSecretKey, nowMs, known.flat(), limits);
  }

  /**
   * Makes an invite, good at once; `stored` resolves when it is in the list for good.
   * @param url the hub's address as the invited will reach it
   */
  make(url: string, options: InviteOptions): { readonly invite: string; readonly stored: Promise<void> } {
    const { role, label = "", expiresInMs = 7 * DAY_MS, project = DEFAULT_PROJECT, ephemeral } = options;
    const terms = termsOf(options, this.#limits);
    const issuedAtMs = this.#nowMs();
    const fields = { role, label, issuedAtMs, expiresAtMs: issuedAtMs + expiresInMs, project, ...terms };
    const { invite, grantId } = createInvite({
      ...fields,
      tlsPin: options.tlsPin ?? null,
      hubSecretKey: this.#hubSecretKey,
      url,
    });
    return { invite, stored: this.add({ ...fields, id: grantId, revokedAtMs: null }, ephemeral) };
  }

  /** Whether a text is the secret part of an invite that is good, and lets its holder look at the hub. */
  mayLook(secret: string): boolean {
    try {
      const { grant } = parseInvite(`http://hub/join#${secret}`);
      const { id, role, project } = openGrant(grant, publicKeyOf(this.#hubSecretKey), this.#nowMs());
      // What is shown there is about all projects.
      const all = role === "admin" || (role !== "worker" && project === DEFAULT_PROJECT);
      return all && !this.isRevoked(id);
    } catch {
      return false;
    }
  }

  /** Keeps what was made, an ephemeral one in memory only; resolves when it is stored. */
  async add(invite: KnownInvite, ephemeral = false): Promise<void> {
    this.#known.set(invite.id, invite);
    if (ephemeral) this.#ephemeral.add(invite.id);
    else await this.#store(invite);
  }

  /** Whether it is for this process's own use. */
  isEphemeral(id: string): boolean {
    return this.#ephemeral.has(id);
  }

  /** The newest first; those that have expired are forgotten. */
  list(): KnownInvite[] {
    const nowMs = this.#nowMs();
    for (const { id, expiresAtMs } of this.#known.values()) {
      if (expiresAtMs <= nowMs) this.#known.delete(id);
    }
    return [...this.#known.values()].sort((a, b) => b.issuedAtMs - a.issuedAtMs || (a.id < b.id ? 1 : -1));
  }

  isRevoked(id: string): boolean {
    return (this.#known.get(id)?.revokedAtMs ?? null) !== null;
  }

  /**
   * Takes back the invite of an id, or all of a label; resolves when that survives a restart.
   * @param own the invite of whoever asks, which is not taken back: nobody shuts the door on themselves
   * @throws MusketeersError `NOT_FOUND`, `BAD_ARGUMENT`
   */
  async revoke(idOrLabel: string, own: string): Promise<KnownInvite[]> {
    const found = this.list().filter(({ id, label }) => id === idOrLabel || label === idOrLabel);
    if (found.length === 0) {
      throw new MusketeersError("NOT_FOUND", `There is no invite ${JSON.stringify(idOrLabel)}`, {
        hint: "List them with `musketeers invites`; expired ones are not in it.",
      });
    }
    if (found.some(({ id }) => id === own)) {
      throw new MusketeersError("BAD_ARGUMENT", "That is the invite which you are using", {
        hint: "Revoke it with another admin's invite: musketeers invite --role admin.",
      });
    }
    const revoked = found.map((invite) => ({ ...invite, revokedAtMs: invite.revokedAtMs ?? this.#nowMs() }));
    for (const invite of revoked) {
      this.#known.set(invite.id, invite);
      this.onRevoked(invite.id);
    }
    await Promise.all(revoked.map((invite) => this.#store(invite)));
    return revoked;
  }

  /** Takes back what was taken back before the disk was lost. */
  async restore(revoked: readonly RevokedInvite[]): Promise<void> {
    for (const known of revoked) {
      const invite = { project: DEFAULT_PROJECT, ...defaultTerms, ...known };
      if (this.isRevoked(invite.id) || invite.expiresAtMs <= this.#nowMs()) continue;
      this.#known.set(invite.id, invite);
      this.onRevoked(invite.id);
      await this.#store(invite);
    }
  }

  async #store(invite: KnownInvite): Promise<void> {
    const ttlMs = Math.max(1, invite.expiresAtMs - this.#nowMs());
    await this.#registry.put(PREFIX + invite.id, encodeInvite(invite), { ttlMs });
  }
}
