import {
  type AskMessage,
  CONTAINER_CAPABILITY,
  CONTAINER_ENTRY,
  type ErrorCode,
  MusketeersError,
  type TaskSpec,
  toMusketeersError,
  type WorkerDescription,
} from "../../protocol/index.ts";
import type { CheckedCode, Invite } from "../../security/index.ts";
import { type Asks, imagesIn, missingOf, noAsks, together } from "../consent/asks.ts";
import type { Consent } from "../consent/consent.ts";
import { CodeTrust } from "./code-trust.ts";

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

/** @throws MusketeersError `GRANT_REFUSED` for a container where none runs, `INVALID_DATA` for one of no image */
function wishesOf({ entry, image, net, memoryBytes }: TaskSpec, runsContainers: boolean): Asks {
  if (entry !== CONTAINER_ENTRY) return { net, memoryBytes };
  if (!runsContainers) {
    throw new MusketeersError("GRANT_REFUSED", "This worker runs no containers", {
      hint: "Its volunteer allows them with --allow-containers, where docker or podman is.",
    });
  }
  if (image !== undefined) return { net, memoryBytes, images: [image] };
  throw new MusketeersError("INVALID_DATA", "This container task does not say of which image it is", {
    hint: "Submit it again with this version of musketeers.",
  });
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
    const { net, memoryBytes, images = [] } = this.#granted();
    const containers = this.#runsContainers ? { allowImages: images } : {};
    const signed = this.#trust.signedOnly ? { signedOnly: true } : {};
    return { ...this.#options.description, allowNet: net, memoryBytes, ...containers, ...signed };
  }

  get #runsContainers(): boolean {
    return this.#options.description.capabilities.includes(CONTAINER_CAPABILITY);
  }

  /** What flags allow and the volunteer has granted. */
  #granted(): Asks {
    const { description, consent } = this.#options;
    const granted = consent?.granted ?? noAsks;
    const { allowNet, allowImages = [] } = description;
    const { net, images = [] } = together({ net: allowNet, memoryBytes: 0, images: allowImages }, granted);
    const bytesMax = granted.memoryBytes > 0 ? granted.memoryBytes : Number.POSITIVE_INFINITY;
    return { net, memoryBytes: Math.min(description.memoryBytes, bytesMax), ...imagesIn(images) };
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
    const missing = missingOf(this.#granted(), wishesOf(task, this.#runsContainers));
    if (missing === undefined) return;
    const { images = [], memoryBytes } = missing;
    const containers = images.map((image) => `containers of ${image}`);
    if (consent === undefined) {
      const wanted = [...missing.net, ...containers].join(", ");
      throw new MusketeersError("GRANT_REFUSED", `This worker does not allow ${wanted}`, {
        hint: "Its volunteer allows hosts with --allow-net HOST and images with --allow-containers IMAGE.",
      });
    }
    const submitter = checked?.certificate.label ?? "";
    // Who is asked for a container is told of all the network that it would have.
    const net = images.length === 0 ? missing.net : task.net;
    consent.ask({ task: task.title, submitter, net: [...net], memoryBytes, ...imagesIn(images) });
    const wishes = [...missing.net, ...(memoryBytes > 0 ? ["more memory"] : []), ...containers];
    throw new MusketeersError("CONSENT_NEEDED", `Its volunteer has not agreed yet to ${wishes.join(", ")}`, {
      hint: "On that machine `musketeers worker grant` lists what is asked for and allows it; so do --allow-net and --allow-containers.",
    });
  }
}
