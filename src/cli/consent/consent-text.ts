import type { Invite } from "../../security/index.ts";
import type { Asks, KnownImages } from "../../worker/node.ts";
import { type ContainerOptions, EVERY_IMAGE, imagesOf } from "../arguments/container-options.ts";
import { bytes, printable } from "../render/format.ts";

/* What projects ask for, as volunteers read it. */

const nothingKnown: KnownImages = { hasEngine: true, sizes: new Map() };

/** An image with its digest, and how large it is where that is known. */
function renderImage(image: string, { sizes }: KnownImages): string {
  const size = sizes.get(image);
  return `${printable(image)}${size === undefined ? "" : ` (${bytes(size)}, here already)`}`;
}

/** Hosts, images and memory in one line. */
export function renderAsks({ net, memoryBytes, images = [] }: Asks, known = nothingKnown): string {
  const hosts = net.map(printable).join(", ");
  const parts: string[] = [];
  if (images.length > 0) {
    const named = images.map((image) => renderImage(image, known)).join(", ");
    parts.push(`containers of ${named}, ${net.length === 0 ? "without the network" : "with the network"}`);
  }
  if (net.length > 0) parts.push(`the network: ${hosts}`);
  if (memoryBytes > 0) parts.push(`${bytes(memoryBytes)} of memory a task`);
  return parts.length === 0 ? "to compute, without the network" : parts.join("; ");
}

/** What it says of containers, line by line. */
function containerLines(asks: Asks, options: ContainerOptions, known: KnownImages): readonly string[] {
  const { images = [], net } = asks;
  const flags = imagesOf(options);
  if (images.length === 0 && flags === undefined) return ["none"];
  const lines = images.map((image) => {
    const isKnown = known.sizes.has(image);
    return `${renderImage(image, known)}${isKnown ? "" : " (fetched when it is needed; its size is not known yet)"}`;
  });
  if (flags?.includes(EVERY_IMAGE))
    lines.push("ANY image that its tasks ask for, as --allow-containers says");
  else if (flags !== undefined && flags.length > 0)
    lines.push(
      `of ${flags.map(printable).join(", ")}, as --allow-containers says; of others if you say yes then`,
    );
  else lines.push("of others if you say yes then");
  const { containerNetwork } = options;
  if (!net.includes("*")) lines.push("without the network");
  else if (containerNetwork === undefined)
    lines.push("without the network, as --container-network names none");
  else lines.push(`with the engine's network ${printable(containerNetwork)}, if they ask for it`);
  if (!known.hasEngine) lines.push("but neither docker nor podman answers here, so that none runs");
  return lines;
}

/** All that a project will have of a machine. */
export function renderConsent(
  { url, project, endorsement }: Invite,
  asks: Asks,
  options: ContainerOptions,
  known: KnownImages,
): string {
  const memory =
    asks.memoryBytes === 0 ? "what one task needs (--memory bounds it)" : `${bytes(asks.memoryBytes)} a task`;
  return [
    `The project ${printable(project)} at ${printable(url)} asks for`,
    `  network    ${asks.net.length === 0 ? "none" : asks.net.map(printable).join(", ")}`,
    `  containers ${containerLines(asks, options, known).join("\n             ")}`,
    `  memory     ${memory}`,
    "  processor  all cores while you let it (--slots, --cpu, --hours and --when-idle bound it)",
    "  disk       room for data that its tasks read (--cache-size bounds it); no file of yours",
    "  GPU        none",
    ...(endorsement === undefined
      ? ["Its invite names no key of the project: the hub alone decides whose code runs here."]
      : ["Only code of submitters whom its owner certified runs here. What needs more will ask you again."]),
    "",
  ].join("\n");
}
