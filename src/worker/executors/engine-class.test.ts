import { expect, onTestFinished, test } from "vitest";
import { createDenoExecutor, createNodeExecutor } from "./index.ts";

test("an engine class names the runtime, since two build one V8 with different mathematical libraries", async () => {
  const classOf = async (executor: { engineClass: string; close(): Promise<void> }) => {
    onTestFinished(() => executor.close());
    return executor.engineClass;
  };
  expect(await classOf(await createNodeExecutor())).toMatch(/^node-v8-\d+$/);
  expect(await classOf(await createDenoExecutor({ bubblewrap: false }))).toMatch(/^deno-v8-\d+$/);
});
