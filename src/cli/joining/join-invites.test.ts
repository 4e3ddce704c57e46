import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Role } from "../../protocol/index.ts";
import { createInvite, newSecretKey } from "../../security/index.ts";
import { contextOf } from "../context.ts";
import { FakeTerminal } from "../testing/terminal.ts";
import { checkRoles, readInvites } from "./join-invites.ts";

const inviteOf = (role: Role) =>
  createInvite({
    hubSecretKey: newSecretKey(),
    url: "http://hub:7077",
    role,
    project: "default",
    issuedAtMs: 0,
    expiresAtMs: 1e12,
  }).invite;

const invite = inviteOf("worker");

const never = new AbortController().signal;

async function place() {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-invite-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const terminal = new FakeTerminal();
  return { directory, file: join(directory, "worker"), terminal, context: contextOf(terminal) };
}

test("an invite of another role is refused before anybody is asked", () => {
  expect(() => checkRoles([invite, inviteOf("admin")])).not.toThrow();
  for (const role of ["submitter", "viewer"] as const) {
    expect(() => checkRoles([invite, inviteOf(role)])).toThrow(
      `This is a ${role}'s invite to http://hub:7077`,
    );
  }
});

test("a file with invites is read", async () => {
  const { file, context, terminal } = await place();
  await writeFile(file, `${invite}\n${invite}\n`);
  const invites = await readInvites([], { inviteFile: file }, context, never);
  expect(invites.map((text) => text.trim())).toEqual([invite, invite]);
  expect(terminal.stderr).toBe("");
});

test("one that is not there yet, or is empty, is waited for", async () => {
  const { file, context, terminal } = await place();
  await writeFile(file, "");
  const reading = readInvites([], { inviteFile: file }, context, never);
  await expect.poll(() => terminal.stderr).toBe(`Waiting for an invite in ${file} …\n`);
  await rm(file);
  await writeFile(`${file}.part`, invite);
  await rename(`${file}.part`, file);
  expect(await reading).toEqual([invite]);
  expect(terminal.stderr.match(/Waiting/g)).toHaveLength(1);
});

test("waiting ends with its signal", async () => {
  const { file, context, terminal } = await place();
  const controller = new AbortController();
  const reading = readInvites([], { inviteFile: file }, context, controller.signal);
  const outcome = expect(reading).rejects.toMatchObject({ name: "AbortError" });
  await expect.poll(() => terminal.stderr).toContain("Waiting");
  controller.abort();
  await outcome;
});

test("what is no invite, or no file, is said at once", async () => {
  const { file, directory, context } = await place();
  await writeFile(file, "http://hub:7077/join#nothing");
  const read = (inviteFile: string) => readInvites([], { inviteFile }, context, never);
  await expect(read(file)).rejects.toMatchObject({ code: "INVITE_MALFORMED" });
  await mkdir(join(directory, "folder"));
  await expect(read(join(directory, "folder"))).rejects.toMatchObject({
    code: "BAD_ARGUMENT",
    message: expect.stringContaining("folder"),
  });
});

test("invites come from one place", async () => {
  const { file, context, terminal } = await place();
  terminal.env = { INVITE: invite };
  const both = readInvites([invite], { inviteFile: file }, context, never);
  await expect(both).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  const other = readInvites([], { inviteFile: file, inviteEnv: "INVITE" }, context, never);
  await expect(other).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
  expect(await readInvites([], { inviteEnv: "INVITE" }, context, never)).toEqual([invite]);
});
