import { defaultLimits } from "../../protocol/index.ts";
import type { ConsentRequest } from "../../worker/node.ts";
import { askPerson, openConsentFile } from "../consent/consent.ts";
import { renderAsks } from "../consent/consent-text.ts";
import type { Context } from "../context.ts";
import { printable } from "../render/format.ts";
import type { Reporter } from "./join-reporter.ts";

/**
 * Asks the person at the terminal for what code asks for beyond what was granted, while a worker runs: one question
 * after the other. Whatever is not answered with yes can be granted later.
 */
export class LiveConsent {
  readonly #context: Context;
  readonly #reporter: Pick<Reporter, "aside">;
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #last: Promise<void> = Promise.resolve();

  /** @param signal ends the asking */
  constructor(context: Context, reporter: Pick<Reporter, "aside">, signal: AbortSignal) {
    this.#context = context;
    this.#reporter = reporter;
    this.#signal = AbortSignal.any([signal, this.#over.signal]);
  }

  /** Resolves when this question, and those before it, are answered or of no use any more. */
  ask(request: ConsentRequest): Promise<void> {
    const asked = this.#last.then(() => this.#one(request));
    this.#last = asked.catch(() => {});
    return asked;
  }

  /** Nobody is asked any more; a question that is open ends. */
  close(): void {
    this.#over.abort();
  }

  async #one(request: ConsentRequest): Promise<void> {
    if (this.#signal.aborted) return;
    const { terminal, errStyle } = this.#context;
    const file = await openConsentFile(terminal.env);
    const { requests } = await file.read();
    // It was answered elsewhere meanwhile.
    if (!requests.some(({ id }) => id === request.id)) return;
    const { of, project, hub, task, id } = request;
    const { knownImages } = await import("../../worker/node.ts");
    const known = await knownImages(request.images ?? [], defaultLimits);
    const question = `Let ${printable(task)} of ${printable(project)} have ${renderAsks(request, known)}?`;
    const isYes = await this.#reporter.aside(() => askPerson(this.#context, question, this.#signal));
    if (this.#signal.aborted) return;
    if (isYes) await file.grant(of, request, { project, hub, atMs: terminal.now() });
    else terminal.err(errStyle.dim(`It does not run here. musketeers worker grant ${id} allows it later.\n`));
  }
}
