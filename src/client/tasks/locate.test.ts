import { Script } from "node:vm";
import { expect, test } from "vitest";
import { locateTask } from "./locate.ts";
import { task } from "./task.ts";

/** What a prompt or the cell of a notebook evaluates: code that stands in no file. */
function typedIn(code: string): unknown {
  const scope = globalThis as { typedTask?: unknown };
  scope.typedTask = task;
  try {
    return new Script(`((task) => ${code})(typedTask)`, { filename: "REPL1" }).runInThisContext();
  } finally {
    delete scope.typedTask;
  }
}

async function run(code: Uint8Array, input: unknown): Promise<unknown> {
  const text = new TextDecoder().decode(code).replace(/^export \{[^}]*\};$/m, "return job;");
  return await (new Function(text)() as (input: unknown) => unknown)(input);
}

test("of a task that stands in no file the text is sent", async () => {
  const loaded = await locateTask(typedIn("task(async (n) => n ** 2, { net: ['a.org'], name: 'square' })"));
  expect(loaded).toMatchObject({ entry: "export:job", title: "square", options: { net: ["a.org"] } });
  expect(await run(loaded.bundle.code, 7)).toBe(49);
  expect((await locateTask(typedIn("task((n) => n)"))).title).toBe("task");
});

test("it may use what tasks have of this package, and nothing else from around it", async () => {
  const counting = typedIn(
    "task((n) => { for (let i = restored() ?? 0; i < n; i++) checkpoint(i); return n; })",
  );
  expect(await run((await locateTask(counting)).bundle.code, 3)).toBe(3);
  await expect(locateTask(typedIn("{ const k = 2; return task((n) => n * k); }"))).rejects.toMatchObject({
    code: "TASK_UNKNOWN",
    message: expect.stringContaining("uses k"),
    hint: expect.stringContaining("in no file"),
  });
});

test("what brings `same` needs a file, because that has to travel, too", async () => {
  const loose = typedIn("task((n) => n / 3, { same: (a, b) => Math.abs(a - b) < 1e-9 })");
  await expect(locateTask(loose)).rejects.toMatchObject({ code: "TASK_UNKNOWN" });
});
