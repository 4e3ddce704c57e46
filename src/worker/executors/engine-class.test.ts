import { expect, onTestFinished, test } from "vitest";
import { createDenoExecutor, createNodeExecutor } from "./index.ts";

test("an engine class names the runtime, and of Node.js the processor, where results differ in the last bits", async () => {
  const classOf = async (executor: { engineClass: string; close(): Promise<void> }) => {
    onTestFinished(() => executor.close());
    return executor.engineClass;
  };
  expect(await classOf(await createNodeExecutor())).toMatch(new RegExp(`^node-v8-\\d+-${process.arch}$`));
  expect(await classOf(await createDenoExecutor({ bubblewrap: false }))).toMatch(/^deno-v8-\d+$/);
});
