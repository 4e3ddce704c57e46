import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    // They have a command of their own: npm run test:containers.
    exclude: ["**/node_modules/**", "test/containers/**"],
    // Whole processes on a machine that does other things too: the limit is for what hangs.
    testTimeout: 180_000,
    hookTimeout: 120_000,
    // On the machine that guards main one stall of a shared disk is no failure; what needed it is named at the end.
    retry: process.env.CI === "true" ? 1 : 0,
    expect: { poll: { timeout: 30_000 } },
    // Two files at once: most of them start processes of their own.
    maxWorkers: 2,
    reporters: ["default", "./test/support/skip-summary.ts", "./test/support/hang-watch.ts"],
  },
});
