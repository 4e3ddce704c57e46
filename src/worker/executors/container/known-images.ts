import type { Limits } from "../../../protocol/index.ts";
import { findEngine } from "./engine.ts";

/** What a machine knows of images before it runs any. */
export interface KnownImages {
  /** Whether an engine of containers answers. */
  readonly hasEngine: boolean;
  /** Bytes, unpacked, of those that are there. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** Looks images up on this machine, so that its volunteer may know how large they are. Fetches nothing. */
export async function knownImages(
  images: readonly string[],
  limits: Pick<Limits, "engineAnswerTimeoutMs">,
): Promise<KnownImages> {
  const engine = await findEngine(limits).catch(() => undefined);
  const sizes = new Map<string, number>();
  for (const image of engine === undefined ? [] : images) {
    const said = await engine!.ask(["image", "inspect", "--format", "{{.Size}}", image]).catch(() => "");
    if (/^\d+$/.test(said)) sizes.set(image, Number(said));
  }
  return { hasEngine: engine !== undefined, sizes };
}
