import { existsSync } from "node:fs";
import { type Browser, chromium } from "playwright-core";

/** Where distributions put it; `$CHROMIUM` where it is elsewhere. */
const places = [
  process.env.CHROMIUM ?? "",
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
];

/** The browser that is here, if there is one. */
export const browserPath = (): string | undefined => places.find((path) => path !== "" && existsSync(path));

/** In containers there is no sandbox to be had, and little shared memory. */
export const launchBrowser = (executablePath: string, more: readonly string[] = []): Promise<Browser> =>
  chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", ...more],
  });

/** The link that a person opens. */
export const pageLink = (invite: string): string => invite.replace("/join#", "/#");
