import { expect, test } from "vitest";
import { decodeValue, defaultLimits, encodeValue, imageAllowed } from "../../../protocol/index.ts";
import { SANDBOX_OOM_SCORE } from "../process/oom-score.ts";
import { fileUser, runArguments } from "./arguments.ts";
import { Images } from "./images.ts";
import { lineOf, ReportedFailure, recordOf } from "./json.ts";
import { Lines } from "./lines.ts";

/* What needs no engine of containers; the rest is in test/containers/tasks.test.ts. */

const roundTrip = (value: unknown): unknown => decodeValue(recordOf(lineOf(encodeValue(value))));

test("values come back from JSON, bytes among them", () => {
  const value = {
    text: "a\nb",
    list: [1, 2.5, null, true],
    bytes: new Uint8Array([0, 255]),
    nested: { x: [] },
  };
  expect(roundTrip(value)).toEqual(value);
  expect(roundTrip(undefined)).toBe(null);
  expect(() => lineOf(encodeValue(2n ** 70n))).toThrow(/JSON/);
});

test("a program reports a failure by an object with nothing else in it", () => {
  expect(() => recordOf('{"$error":{"name":"ValueError","message":"no"}}')).toThrow(ReportedFailure);
  expect(() => recordOf('{"$error":"no"}')).toThrow("no");
  expect(decodeValue(recordOf('{"$error":"no","other":1}'))).toEqual({ $error: "no", other: 1 });
  expect(() => recordOf("{")).toThrow(SyntaxError);
});

test("lines are cut wherever the pieces of them come, and none is longer than its bound", () => {
  const seen: string[] = [];
  const lines = new Lines(4, (line) => seen.push(line.toString()));
  for (const piece of ["ab", "\ncd\n", "", "\n", "longer than four", " still\nx"])
    lines.push(Buffer.from(piece));
  expect([seen, lines.pending]).toEqual([["ab", "cd", "", "longe"], true]);
  lines.end();
  expect(seen.at(-1)).toBe("x");
});

test("volunteers allow images by name, by digest, by what they begin with, or all", () => {
  const image = `registry.example/lab/tool@sha256:${"a".repeat(64)}`;
  for (const pattern of ["*", image, "registry.example/lab/tool", "registry.example/lab/*"])
    expect([pattern, imageAllowed([pattern], image)]).toEqual([pattern, true]);
  for (const pattern of ["registry.example/lab", "tool", "registry.example/lab/tool2*", "sha256:*"])
    expect([pattern, imageAllowed([pattern], image)]).toEqual([pattern, false]);
});

test("an image that is not there, or for another platform, is said to be so; one that failed is asked for again", async () => {
  const image = `lab/tool@sha256:${"b".repeat(64)}`;
  let platform: string | undefined;
  const asked: string[] = [];
  const engine = {
    name: "docker" as const,
    platform: "linux/amd64",
    rootless: false,
    ask: async (args: readonly string[]) => {
      asked.push(args[0]!);
      if (args[0] === "pull" || platform === undefined) throw new Error("manifest unknown");
      return platform;
    },
    start: () => {
      throw new Error("not here");
    },
  };
  const images = new Images(engine, defaultLimits);
  await expect(images.ensure(image)).rejects.toMatchObject({
    code: "IMAGE_UNAVAILABLE",
    message: expect.stringContaining("manifest unknown"),
  });
  platform = "linux/arm64";
  await expect(images.ensure(image)).rejects.toMatchObject({
    code: "IMAGE_UNAVAILABLE",
    message: expect.stringContaining("linux/arm64"),
  });
  platform = "linux/amd64";
  await images.ensure(image);
  await images.ensure(image);
  expect(asked).toEqual(["image", "pull", "image", "image"]);
});

test("what a container may have is little, and its network is what two people granted", () => {
  const spec = { image: "sha256:1", command: ["run", "it"], mode: "lines" as const };
  const about = { name: "n", spec, label: "m", limits: defaultLimits, engine: "docker" as const };
  const closed = runArguments({ ...about, task: { memoryBytes: 64_000_000, net: [] }, network: "lab" });
  for (const flag of [
    "--network=none",
    "--cap-drop=ALL",
    "--read-only",
    "--memory=64000000",
    "--memory-swap=64000000",
  ])
    expect(closed).toContain(flag);
  expect(closed.slice(-3)).toEqual(["sha256:1", "run", "it"]);
  expect(closed).toContain("--init");
  const task = { memoryBytes: 1, net: ["*"] };
  expect(runArguments({ ...about, task, network: "lab", engine: "podman" })).not.toContain("--init");
  expect(runArguments({ ...about, task, network: "lab" })).toContain("--network=lab");
  expect(runArguments({ ...about, task, network: undefined })).toContain("--network=none");
});

test("containerProcessesMax, containerUserProcessesMax, containerFilesMax, containerTmpBytesMax: engines are told of them", () => {
  const limits = {
    ...defaultLimits,
    containerProcessesMax: 11,
    containerUserProcessesMax: 12,
    containerFilesMax: 13,
    containerTmpBytesMax: 14,
    valueBytesMax: 15,
  };
  const spec = { image: "sha256:1", command: [], mode: "files" as const };
  const task = { memoryBytes: 64_000_000, net: [] };
  const files = { in: "/a", out: "/b", user: "7:8" };
  const about = { name: "n", spec, label: "m", engine: "docker", network: undefined, task, files } as const;
  for (const flag of [
    "--user=7:8",
    "--pids-limit=11",
    "--ulimit=nproc=12:12",
    "--ulimit=nofile=13:13",
    "--tmpfs=/tmp:rw,nosuid,nodev,size=14",
    "--ulimit=fsize=15:15",
    `--oom-score-adj=${SANDBOX_OOM_SCORE}`,
  ])
    expect(runArguments({ ...about, limits })).toContain(flag);
});

test("who leaves files is somebody whose files the agent can remove", () => {
  const own = { user: 1000, group: 100 };
  expect(fileUser({ rootless: true }, own)).toBe("0:0");
  expect(fileUser({ rootless: false }, own)).toBe("1000:100");
  expect(fileUser({ rootless: false }, { user: 0, group: 0 })).toBe("65534:65534");
  expect(fileUser({ rootless: false }, undefined)).toBe("65534:65534");
});
