import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { decodeContainer, encodeContainer } from "../../protocol/index.ts";
import { containerDefinition, loadContainer } from "./container-task.ts";
import { loadTask } from "./load-task.ts";
import { task } from "./task.ts";

const image = `lab/tool@sha256:${"a".repeat(64)}`;

test("a container is a task: its description stands for its code, and asks for workers that run such", async () => {
  const tool = task.container<string, number>({
    image,
    command: ["count"],
    needs: { cores: 2 },
    name: "count",
  });
  const { entry, title, options, bundle } = await loadContainer(containerDefinition(tool)!);
  expect([entry, title]).toEqual(["container", "count"]);
  expect(options.needs).toEqual({ cores: 2, capabilities: ["containers"] });
  expect(decodeContainer(bundle.code)).toEqual({ image, command: ["count"], mode: "lines" });
  await expect(tool("here")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
});

test("what makes no sense is refused where it is written", () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [{ image: "python:3" }, /pinned/],
    [{ image, command: "python3" }, /command/],
    [{ image, mode: "both" }, /mode/],
    [{ image, net: ["api.example.org"] }, /all of a network or none/],
    [{ image, imagee: 1 }, /no option/],
    [{ image, timeout: "soon" }, /timeout/],
  ];
  for (const [definition, message] of wrong)
    expect(() => task.container(definition as never)).toThrow(message);
});

test("a description that is damaged is none", () => {
  const bytes = encodeContainer({ image, command: [], mode: "files" });
  const text = new TextDecoder().decode(bytes);
  for (const damaged of [
    "",
    "[]",
    "null",
    text.replace("container 1", "container 2"),
    text.replace("files", "fils"),
    text.replace("@sha256", ""),
  ])
    expect(() => decodeContainer(new TextEncoder().encode(damaged))).toThrow(/no container task/);
});

test("a file that exports one is loaded as it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "musketeers-container-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  const file = join(folder, "tool.ts");
  const code = `import { task } from "musketeers";\nexport const tool = task.container({ image: ${JSON.stringify(image)}, memory: "64MB" });\n`;
  await writeFile(file, code);
  const loaded = await loadTask(file);
  expect(loaded).toMatchObject({ entry: "container", title: "lab/tool", options: { memory: "64MB" } });
});
