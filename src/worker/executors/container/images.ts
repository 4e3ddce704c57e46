import { MusketeersError } from "../../../protocol/index.ts";
import type { ContainerEngine } from "./engine.ts";

const PULL_TIMEOUT_MS = 30 * 60_000;

/** Whether an image is among those that a volunteer allows: `*`, a name, the beginning of one before `*`, or all of it. */
export function allowsImage(patterns: readonly string[], image: string): boolean {
  const name = image.split("@")[0]!;
  return patterns.some((pattern) => {
    if (pattern.endsWith("*")) return image.startsWith(pattern.slice(0, -1));
    return pattern === image || pattern === name;
  });
}

/** The images that tasks ask for: there, or fetched once. */
export class Images {
  readonly #engine: ContainerEngine;
  readonly #allowed: readonly string[];
  /** Those that are known to be there, and those on their way. */
  readonly #fetched = new Map<string, Promise<void>>();

  constructor(engine: ContainerEngine, allowed: readonly string[]) {
    this.#engine = engine;
    this.#allowed = allowed;
  }

  /**
   * Sees to it that an image can run.
   * @throws MusketeersError `GRANT_REFUSED` for one that the volunteer does not allow, `IMAGE_UNAVAILABLE`
   */
  ensure(image: string): Promise<void> {
    if (!allowsImage(this.#allowed, image)) {
      const message = `This worker does not run containers of ${image.split("@")[0]}`;
      return Promise.reject(
        new MusketeersError("GRANT_REFUSED", message, {
          hint: "Its volunteer allows images with --allow-containers.",
        }),
      );
    }
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
        await this.#engine.ask(["pull", "--quiet", image], PULL_TIMEOUT_MS);
        const platform = await this.#inspect(image);
        if (platform !== undefined) return platform;
      } catch (error) {
        why = (error as Error).message;
      }
    }
    throw new MusketeersError("IMAGE_UNAVAILABLE", `The image ${image} cannot be had: ${why}`);
  }
}
