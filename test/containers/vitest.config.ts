import { defineConfig } from "vitest/config";

/** Tests with real containers: one engine, one test at a time. */
export default defineConfig({
  test: {
    include: ["test/containers/**/*.test.ts"],
    globalSetup: ["test/containers/setup.ts"],
    testTimeout: 900_000,
    hookTimeout: 1_200_000,
    expect: { poll: { timeout: 240_000, interval: 250 } },
    retry: process.env.CI === "true" ? 1 : 0,
    maxWorkers: 1,
    fileParallelism: false,
    reporters: ["default", "./test/support/skip-summary.ts", "./test/support/hang-watch.ts"],
  },
});
