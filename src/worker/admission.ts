import {
  type AskMessage,
  type ErrorCode,
  MusketeersError,
  type TaskSpec,
  toMusketeersError,
  type WorkerDescription,
} from "../protocol/index.ts";
import type { CheckedCode, Invite } from "../security/index.ts";
import { CodeTrust } from "./code-trust.ts";
import { type Asks, missingOf, noAsks, together } from "./consent/asks.ts";
import type { Consent } from "./consent/consent.ts";

/** What a task was refused for. */
export interface Refusal {
  readonly task: string;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface AdmissionOptions {
  readonly invite: Invite;
  /** What flags allow, and what the machine has. */
  readonly description: WorkerDescription;
  /** The volunteer who can be asked for more; nobody can where there is none. */
  readonly consent?: Consent;
  readonly nowMs: () => number;
  readonly onRefused: (refusal: Refusal) => void;
}

/** Decides whose code runs here, and with what rights. */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #trust: CodeTrust;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#trust = new CodeTrust(options.invite, options.nowMs);
  }

  /** The project's owner has taken certificates back. */
  revoke(list: Uint8Array): void {
    this.#trust.revoke(list);
  }

  /** What the worker says of itself, so that it is leased nothing that it would refuse. */
  describe(): WorkerDescription {
    const { net, memoryBytes } = this.#granted();
    const signed = this.#trust.signedOnly ? { signedOnly: true } : {};
    return { ...this.#options.description, allowNet: net, memoryBytes, ...signed };
  }

  /** What flags allow and the volunteer has granted. */
  #granted(): Asks {
    const { description, consent } = this.#options;
    const granted = consent?.granted ?? noAsks;
    const { net } = together({ net: description.allowNet, memoryBytes: 0 }, granted);
    const bytesMax = granted.memoryBytes > 0 ? granted.memoryBytes : Number.POSITIVE_INFINITY;
    return { net, memoryBytes: Math.min(description.memoryBytes, bytesMax) };
  }

  /**
   * Lets a task in, and says whose it is where that is known.
   * @throws MusketeersError `UNTRUSTED_CODE`, `CONSENT_NEEDED`, `GRANT_REFUSED`
   */
  admit(task: TaskSpec): CheckedCode | undefined {
    try {
      const checked = this.#trust.check(task);
      this.#checkGrants(task, checked);
      return checked;
    } catch (thrown) {
      const { code, message } = toMusketeersError(thrown);
      this.#options.onRefused({ task: task.title, code, message });
      throw thrown;
    }
  }

  /** Who signed a task; empty where nobody did who may. */
  submitterOf(task: TaskSpec): string {
    try {
      return this.#trust.check(task)?.certificate.label ?? "";
    } catch {
      return "";
    }
  }

  /**
   * The hub has something for this worker if its volunteer agrees. Says whether he was asked.
   * @throws nothing: what is not signed as it must be is not worth a question
   */
  asked({ task }: AskMessage): boolean {
    try {
      const checked = this.#trust.check(task);
      this.#checkGrants(task, checked);
      return false;
    } catch (thrown) {
      const { code, message } = toMusketeersError(thrown);
      if (code === "UNTRUSTED_CODE") this.#options.onRefused({ task: task.title, code, message });
      return code === "CONSENT_NEEDED";
    }
  }

  #checkGrants(task: TaskSpec, checked: CheckedCode | undefined): void {
    const { consent, description } = this.#options;
    if (task.memoryBytes > description.memoryBytes) {
      throw new MusketeersError("GRANT_REFUSED", "This worker does not have so much memory");
    }
    const missing = missingOf(this.#granted(), task);
    if (missing === undefined) return;
    if (consent === undefined) {
      throw new MusketeersError("GRANT_REFUSED", `This worker does not allow ${missing.net.join(", ")}`);
    }
    const submitter = checked?.certificate.label ?? "";
    consent.ask({ task: task.title, submitter, net: [...missing.net], memoryBytes: missing.memoryBytes });
    const wishes = [...missing.net, ...(missing.memoryBytes > 0 ? ["more memory"] : [])];
    throw new MusketeersError("CONSENT_NEEDED", `Its volunteer has not agreed yet to ${wishes.join(", ")}`);
  }
}
