import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe } from "vitest";
import { browserPath, launchBrowser } from "./browser.ts";

/**
 * Tests in one browser, which is there while they run; without Chromium they are skipped, and say why.
 * @param flags of the command line
 */
export function describeInBrowser(
  title: string,
  tests: (browser: () => Browser) => void,
  flags: readonly string[] = [],
): void {
  const path = browserPath();
  const reason = "needs Chromium: apt-get install chromium";
  describe.skipIf(path === undefined)(`${title} (${reason})`, { timeout: 240_000 }, () => {
    let browser: Browser | undefined;
    beforeAll(async () => {
      browser = await launchBrowser(path!, flags);
    }, 120_000);
    afterAll(() => browser?.close(), 60_000);
    tests(() => browser!);
  });
}
