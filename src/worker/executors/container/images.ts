import { type Limits, MusketeersError } from "../../../protocol/index.ts";
import type { ContainerEngine } from "./engine.ts";

/** The images that tasks ask for: there, or fetched once. */
export class Images {
  readonly #engine: ContainerEngine;
  /** Those that are known to be there, and those on their way. */
  readonly #fetched = new Map<string, Promise<void>>();

  readonly #fetchTimeoutMs: number;

  constructor(engine: ContainerEngine, limits: Pick<Limits, "imageFetchTimeoutMs">) {
    this.#engine = engine;
    this.#fetchTimeoutMs = limits.imageFetchTimeoutMs;
  }

  /**
   * Sees to it that an image can run.
   * @throws MusketeersError `IMAGE_UNAVAILABLE`
   */
  ensure(image: string): Promise<void> {
    const known = this.#fetched.get(image);
    if (known !== undefined) return known;
    const fetched = this.#fetch(image);
    this.#fetched.set(image, fetched);
    fetched.catch(() => this.#fetched.delete(image));
    return fetched;
  }

  async #fetch(image: string): Promise<void> {
    const platform = (await this.#inspect(image)) ?? (await this.#pull(image));
    if (platform === this.#engine.platform) return;
    throw new MusketeersError(
      "IMAGE_UNAVAILABLE",
      `The image ${image} is for ${platform}, and this worker is ${this.#engine.platform}`,
    );
  }

  #inspect(image: string): Promise<string | undefined> {
    const args = ["image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", image];
    return this.#engine.ask(args).catch(() => undefined);
  }

  async #pull(image: string): Promise<string> {
    let why = "it is no image of a registry";
    if (image.includes("@")) {
      try {
        await this.#engine.ask(["pull", "--quiet", image], this.#fetchTimeoutMs);
        const platform = await this.#inspect(image);
        if (platform !== undefined) return platform;
      } catch (error) {
        why = (error as Error).message;
      }
    }
    throw new MusketeersError("IMAGE_UNAVAILABLE", `The image ${image} cannot be had: ${why}`);
  }
}
