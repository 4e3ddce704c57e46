import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { MusketeersError } from "../../protocol/index.ts";
import type { Release } from "../../security/index.ts";
import type { ReleaseEvent } from "../joining/join-event.ts";
import { Follower } from "./follower.ts";
import type { Current } from "./releases.ts";

/* A keeper with real processes, whose program does as a worker does towards it. */

const program = `
import { writeFileSync } from "node:fs";
process.send({ event: "joined" });
process.on("message", ({ type, graceMs }) => {
  if (type !== "leave") return;
  writeFileSync(new URL("left", import.meta.url), String(graceMs));
  process.exit(0);
});
process.on("SIGTERM", () => process.exit(143));
`;

const digestOf = (letter: string): string => letter.repeat(64);

const release = (letter: string, sequence: number): Release & { readonly sequence: number } => ({
  version: letter,
  digest: Buffer.from(digestOf(letter), "hex"),
  archive: new Uint8Array(32),
  archiveBytes: 1,
  sequence,
});

class Scene {
  readonly folder: string;
  readonly events: ReleaseEvent[] = [];
  readonly kept: Current[] = [];
  readonly installed: string[] = [];
  readonly over = new AbortController();
  offered = release("a", 1);
  fails: MusketeersError | undefined;
  asked = 0;
  readonly status: Promise<number>;
  readonly follower: Follower;

  constructor(folder: string, limits: Partial<Record<"releaseCheckIntervalMs" | "releaseSpreadMs", number>>) {
    this.folder = folder;
    let end: (status: number) => void = () => {};
    this.status = new Promise((resolve) => {
      end = resolve;
    });
    this.follower = new Follower({
      invite: "http://hub/join#x",
      args: ["join"],
      releases: {
        announced: async () => {
          this.asked++;
          return this.offered;
        },
        install: async ({ version }) => {
          this.installed.push(version);
          if (this.fails !== undefined) throw this.fails;
        },
        keep: async (current) => void this.kept.push(current),
      },
      current: { digest: digestOf("a"), sequence: 0 },
      programOf: (digest) => join(folder, digest === digestOf("c") ? "broken.mjs" : "worker.mjs"),
      limits: { releaseCheckIntervalMs: 5, releaseSpreadMs: 1, releaseGraceMs: 1_000, ...limits },
      random: () => 0.5,
      signal: this.over.signal,
      onEvent: (event) => void this.events.push(event),
      onEnd: (status) => {
        this.over.abort();
        end(status);
      },
    });
  }

  get said(): readonly string[] {
    return this.events.map((event) => ("version" in event ? `${event.event} ${event.version}` : event.code));
  }

  async end(): Promise<number> {
    this.follower.stop("SIGTERM");
    return this.status;
  }
}

async function begin(limits = {}): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), "musketeers-follow-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  await writeFile(join(folder, "worker.mjs"), program);
  await writeFile(join(folder, "broken.mjs"), "process.exit(70)");
  const scene = new Scene(folder, limits);
  onTestFinished(async () => void (await scene.end()));
  scene.follower.begin();
  return scene;
}

test("releaseCheckIntervalMs, releaseSpreadMs: what is new is asked for, fetched, and run", async () => {
  const scene = await begin();
  await expect.poll(() => scene.kept).toContainEqual({ digest: digestOf("a"), sequence: 1 });
  await expect.poll(() => scene.asked).toBeGreaterThan(2);
  expect(scene.events).toEqual([]);
  scene.offered = release("b", 2);
  await expect.poll(() => scene.kept).toContainEqual({ digest: digestOf("b"), sequence: 2 });
  expect(scene.said).toEqual(["updating b", "updated b"]);
  expect(scene.installed).toEqual(["b"]);
  expect(await scene.end()).toBe(143);
});

test("releaseGraceMs: the worker is told how long it may still work", async () => {
  const scene = await begin();
  await expect.poll(() => scene.kept.length).toBe(1);
  scene.offered = release("b", 2);
  await expect.poll(() => scene.kept.length).toBe(2);
  expect(await readFile(join(scene.folder, "left"), "utf8")).toBe("1000");
});

test("a release that does not start is left for the one before", async () => {
  const scene = await begin();
  await expect.poll(() => scene.kept.length).toBe(1);
  scene.offered = release("c", 2);
  await expect.poll(() => scene.said).toEqual(["updating c", "updated c", "went-back a"]);
  await expect.poll(() => scene.kept).toHaveLength(2);
  const { asked } = scene;
  await expect.poll(() => scene.asked).toBeGreaterThan(asked + 2);
  expect(scene.installed).toEqual(["c"]);
});

test("what cannot be fetched is said, and tried again; the worker works meanwhile", async () => {
  const scene = await begin();
  scene.fails = new MusketeersError("STORAGE", "The disk is full");
  scene.offered = release("b", 2);
  await expect.poll(() => scene.installed.length).toBeGreaterThan(1);
  expect(scene.said.slice(0, 3)).toEqual(["updating b", "STORAGE", "updating b"]);
  expect(new Set(scene.kept.map(({ digest }) => digest)).size).toBeLessThan(2);
  scene.fails = undefined;
  await expect.poll(() => scene.said.at(-1)).toBe("updated b");
});
