import { expect, test } from "vitest";
import { browserKind, engineClassOf } from "./tab-machine.ts";

test.each([
  [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Safari/537.36",
    "chromium-149-x64",
    "linux",
  ],
  [
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/149.0.0.0 Mobile Safari/537.36",
    "chromium-149",
    "android",
  ],
  ["Mozilla/5.0 (X11; Linux aarch64; rv:140.0) Gecko/20100101 Firefox/140.0", "firefox-140-arm", "linux"],
  [
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    "safari-26",
    "macos",
  ],
  ["something else", "browser", "other"],
])("%s", (userAgent, engineClass, system) => {
  const kind = browserKind(userAgent);
  expect(engineClassOf(kind)).toBe(engineClass);
  expect(kind.system).toBe(system);
});
