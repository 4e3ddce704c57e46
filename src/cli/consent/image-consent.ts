import { imageName, imageTrouble, MusketeersError } from "../../protocol/index.ts";
import type { ConsentFile, Granted } from "../../worker/node.ts";
import { printable } from "../render/format.ts";

/* What `worker grant` and `worker withdraw` take of images: `image:NAME@sha256:…`. */

const MARK = "image:";

/** The image that an argument names; undefined where it names something else. */
export const imageIn = (argument: string): string | undefined =>
  argument.startsWith(MARK) ? argument.slice(MARK.length) : undefined;

interface Grantee {
  readonly of: string;
  readonly about: Pick<Granted, "project" | "hub">;
}

/** Whom an image is for: who asks for it, else the project that is named, else the only one that is known. */
async function granteesOf(file: ConsentFile, image: string, project: string | undefined): Promise<Grantee[]> {
  const { projects, requests } = await file.read();
  const isNamed = (name: string, id: string) => project === undefined || project === name || project === id;
  const asking = requests.filter((each) => each.images?.includes(image) && isNamed(each.project, each.of));
  const known = Object.entries(projects).filter(([id, each]) => isNamed(each.project, id));
  const found = new Map(asking.map((each) => [each.of, { of: each.of, about: each }]));
  if (found.size > 0) return [...found.values()];
  if (known.length === 0) {
    throw new MusketeersError("NOT_FOUND", `No project is known that ${printable(image)} could be for`, {
      hint: "See what was granted and what is asked for with `musketeers worker grant`.",
    });
  }
  if (known.length === 1 || project !== undefined) return known.map(([of, about]) => ({ of, about }));
  throw new MusketeersError(
    "BAD_ARGUMENT",
    `Nobody asks for ${printable(image)}, and several projects are known`,
    {
      hint: "Say for which one it is: --project NAME.",
    },
  );
}

/**
 * Lets projects run containers of an image.
 * @returns their names
 * @throws MusketeersError `BAD_ARGUMENT` for an image without its digest, or where it is not clear for whom it is, `NOT_FOUND`
 */
export async function grantImage(
  file: ConsentFile,
  image: string,
  { project, atMs }: { readonly project: string | undefined; readonly atMs: number },
): Promise<readonly string[]> {
  const trouble = imageTrouble(image);
  if (trouble !== undefined) {
    throw new MusketeersError("BAD_ARGUMENT", `${printable(image)}: ${trouble}`, {
      hint: "Grant it with its digest, as `musketeers worker grant` lists it: image:NAME@sha256:….",
    });
  }
  const grantees = await granteesOf(file, image, project);
  for (const { of, about } of grantees) {
    const before = await file.grantedTo(of);
    // Nothing else of what they ask for.
    const more = { net: [], memoryBytes: before?.memoryBytes ?? 0, images: [image] };
    await file.grant(of, more, { project: about.project, hub: about.hub, atMs });
  }
  return grantees.map(({ about }) => about.project);
}

/**
 * Takes an image back: one with its digest, or all of a name.
 * @returns from how many projects
 * @throws MusketeersError `NOT_FOUND` where no project was granted it
 */
export async function withdrawImage(
  file: ConsentFile,
  image: string,
  project: string | undefined,
): Promise<number> {
  const { projects } = await file.read();
  const isOf = (id: string) => project === undefined || project === id || projects[id]?.project === project;
  const count = await file.withdrawImages(
    (each, id) => isOf(id) && (each === image || imageName(each) === image),
  );
  if (count > 0) return count;
  throw new MusketeersError("NOT_FOUND", `The image ${printable(image)} was not granted`, {
    hint: "See what was with `musketeers worker grant`.",
  });
}
