import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ConsentFile } from "../../worker/node.ts";
import { grantImage, imageIn, withdrawImage } from "./image-consent.ts";

const image = (digit: string, name = "lab/tables") => `${name}@sha256:${digit.repeat(64)}`;
const about = (project: string) => ({ project, hub: "http://hub:1", atMs: 1 });
const none = { net: [], memoryBytes: 0 };
const at = (project?: string) => ({ project, atMs: 2 });

async function makeFile(): Promise<ConsentFile> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-images-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return new ConsentFile(join(directory, "consent.json"), 32);
}

const imagesOf = async (file: ConsentFile, id: string) => (await file.grantedTo(id))?.images;

test("an argument names an image where it says so", () => {
  expect([imageIn("image:lab/tables"), imageIn("0a1b2c3d")]).toEqual(["lab/tables", undefined]);
});

test("an image is granted to those who ask for it, and nothing else of what they ask", async () => {
  const file = await makeFile();
  await file.grant("b", none, about("bees"));
  await file.ask({
    ...about("ants"),
    id: "1",
    of: "a",
    task: "f",
    submitter: "ana",
    net: ["*"],
    memoryBytes: 0,
    images: [image("a")],
  });
  expect(await grantImage(file, image("a"), at())).toEqual(["ants"]);
  expect(await file.grantedTo("a")).toEqual({ ...none, images: [image("a")], ...about("ants"), atMs: 2 });
  expect(await imagesOf(file, "b")).toBeUndefined();
  // The network is still a question.
  expect((await file.read()).requests).toHaveLength(1);
});

test("without anybody who asks, it is for the only project, or the one that is named", async () => {
  const file = await makeFile();
  await expect(grantImage(file, image("a"), at())).rejects.toMatchObject({ code: "NOT_FOUND" });
  await file.grant("a", { net: ["a.org"], memoryBytes: 5 }, about("ants"));
  expect(await grantImage(file, image("a"), at())).toEqual(["ants"]);
  expect(await file.grantedTo("a")).toMatchObject({ net: ["a.org"], memoryBytes: 5, images: [image("a")] });
  await file.grant("b", none, about("bees"));
  await expect(grantImage(file, image("b"), at())).rejects.toMatchObject({
    code: "BAD_ARGUMENT",
    hint: expect.stringContaining("--project"),
  });
  expect(await grantImage(file, image("b"), at("bees"))).toEqual(["bees"]);
  await expect(grantImage(file, image("b"), at("cats"))).rejects.toMatchObject({ code: "NOT_FOUND" });
  await expect(grantImage(file, "lab/tables", at())).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});

test("an image is taken back by its digest, or all of a name, from one project or from all", async () => {
  const file = await makeFile();
  const images = [image("a"), image("b"), image("a", "other")];
  for (const project of ["a", "b"]) await file.grant(project, { ...none, images }, about(project));
  expect(await withdrawImage(file, image("a"), "a")).toBe(1);
  expect(await imagesOf(file, "a")).toEqual(images.slice(1));
  expect(await withdrawImage(file, "lab/tables", undefined)).toBe(2);
  expect([await imagesOf(file, "a"), await imagesOf(file, "b")]).toEqual([[images[2]], [images[2]]]);
  await expect(withdrawImage(file, "lab/tables", undefined)).rejects.toMatchObject({ code: "NOT_FOUND" });
});
