import type { TaskSpec } from "../../protocol/index.ts";
import {
  type CheckedCode,
  checkTask,
  type Invite,
  openRevocations,
  type Revocations,
  untrusted,
} from "../../security/index.ts";
import { taskKey } from "../core/index.ts";

/** Tasks whose proofs need not be checked again. */
const CHECKED_MAX = 256;

/** Whose code an agent runs: that of submitters whom the owner of its project certified. */
export class CodeTrust {
  readonly #invite: Pick<Invite, "endorsement" | "project">;
  readonly #nowMs: () => number;
  readonly #checked = new Map<string, CheckedCode>();
  #revocations: Revocations | undefined;

  constructor(invite: Pick<Invite, "endorsement" | "project">, nowMs: () => number) {
    this.#invite = invite;
    this.#nowMs = nowMs;
  }

  /** Whether its invite names the key of the project; without it the hub alone decides whose code runs. */
  get signedOnly(): boolean {
    return this.#invite.endorsement !== undefined;
  }

  /** The hub has a list of revoked certificates. Nobody but the project's owner makes one, and the latest counts. */
  revoke(list: Uint8Array): void {
    const { endorsement, project } = this.#invite;
    if (endorsement === undefined) return;
    const revocations = openRevocations(list, endorsement.projectKey, project);
    if (revocations === undefined || revocations.issuedAtMs < (this.#revocations?.issuedAtMs ?? 0)) return;
    this.#revocations = revocations;
    this.#checked.clear();
  }

  /**
   * Whose task it is and what was signed; undefined where nobody can say.
   * @throws MusketeersError `UNTRUSTED_CODE`
   */
  check(task: TaskSpec): CheckedCode | undefined {
    const { endorsement, project } = this.#invite;
    if (endorsement === undefined) return undefined;
    const key = taskKey(task);
    const known = this.#checked.get(key);
    const nowMs = this.#nowMs();
    if (known !== undefined && nowMs < known.certificate.notAfterMs) return known;
    const checked = checkTask(task, { rootKey: endorsement.projectKey, project, nowMs });
    if (this.#revocations?.serials.includes(checked.certificate.serial) === true) {
      throw untrusted("The owner of this project has revoked its submitter's certificate");
    }
    this.#checked.delete(key);
    this.#checked.set(key, checked);
    for (const oldest of this.#checked.keys()) {
      if (this.#checked.size <= CHECKED_MAX) break;
      this.#checked.delete(oldest);
    }
    return checked;
  }
}
