import type { Machine } from "../machine/machine.ts";

/** The part of a browser's `navigator` that says what it runs on. */
interface Navigator {
  readonly userAgent: string;
  readonly hardwareConcurrency?: number;
  /** GiB, rounded, and not everywhere. */
  readonly deviceMemory?: number;
}

const GiB = 1024 ** 3;
/** Where the browser does not say. */
const MEMORY_BYTES = 2 * GiB;

const engines: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["firefox", /Firefox\/(\d+)/],
  ["chromium", /Chrome\/(\d+)/],
  ["safari", /Version\/(\d+).* Safari\//],
];

const systems: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["android", /Android/],
  ["ios", /iPhone|iPad/],
  ["macos", /Mac OS X/],
  ["windows", /Windows/],
  ["linux", /Linux|X11|CrOS/],
];

/** What a browser says of itself: engine with its major version, system, and processor where it tells. */
export interface BrowserKind {
  readonly engine: string;
  readonly version: string;
  readonly system: string;
  readonly arch: string;
}

/** Reads a browser's own description; see RFC 9110, section 10.1.5, for how little order there is in those. */
export function browserKind(userAgent: string): BrowserKind {
  const [engine, version] = engines.flatMap(([name, pattern]) => {
    const found = pattern.exec(userAgent)?.[1];
    return found === undefined ? [] : [name, found];
  });
  const system = systems.find(([, pattern]) => pattern.test(userAgent))?.[0] ?? "other";
  const arch = /aarch64|arm64|armv\d/i.test(userAgent)
    ? "arm"
    : /x86_64|Win64|x64/i.test(userAgent)
      ? "x64"
      : "";
  return { engine: engine ?? "browser", version: version ?? "", system, arch };
}

/** Results that may differ in the last bits are compared among workers of one of these. */
export const engineClassOf = ({ engine, version, arch }: BrowserKind): string =>
  [engine, version, arch].filter((part) => part !== "").join("-");

const navigator = (): Navigator => (globalThis as unknown as { navigator: Navigator }).navigator;

export const tabMachine: Machine & { kind(): BrowserKind; cores(): number } = {
  kind: () => browserKind(navigator().userAgent),
  cores: () => navigator().hardwareConcurrency ?? 1,
  memoryBytes: () => (navigator().deviceMemory ?? MEMORY_BYTES / GiB) * GiB,
  load: () => 0,
  agentMemoryBytes: () => 0,
};
