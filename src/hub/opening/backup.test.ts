import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "cborg";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { embeddedEngine } from "../../engine/index.ts";
import { people } from "../../scheduler/index.ts";
import { newSecretKey, parseInvite } from "../../security/index.ts";
import { loadOrCreateKey } from "../../security/node.ts";
import type { Hub } from "../hub.ts";
import { type Backup, parseBackup, renderBackup, restoreBackup, summaryOf, takeBackup } from "./backup.ts";
import { startHub } from "./opening.ts";

const hubs: Hub[] = [];
let home: string;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "musketeers-test-"));
});

afterEach(async () => {
  for (const hub of hubs.splice(0)) await hub.close();
  await rm(home, { recursive: true, force: true, maxRetries: 10 });
});

async function start(name: string, recover?: Backup, onNotice?: (notice: string) => void): Promise<Hub> {
  const hub = await startHub({
    listen: "127.0.0.1:0",
    data: join(home, name),
    ...(recover === undefined ? {} : { recover }),
    ...(onNotice === undefined ? {} : { onNotice }),
  });
  hubs.push(hub);
  return hub;
}

describe("a backup", () => {
  it("is the same after its way through text, and every cut and change of that is noticed", async () => {
    const hub = await start("hub");
    hub.invite({ role: "worker", label: "a friend" });
    await hub.close();
    const backup = await takeBackup(join(home, "hub"), 1_700_000_000_000);
    const text = renderBackup(backup);
    expect(parseBackup(text)).toEqual(backup);
    expect(parseBackup(text.replaceAll("\n", "\r\n"))).toEqual(backup);
    expect(summaryOf(backup)).toMatchObject({ createdAtMs: 1_700_000_000_000, invites: 1, datasets: 0 });
    const refused = { code: "BAD_ARGUMENT" };
    fc.assert(
      fc.property(fc.nat({ max: text.trimEnd().length - 1 }), (at) => {
        expect(() => parseBackup(text.slice(0, at))).toThrow(expect.objectContaining(refused));
        const changed = `${text.slice(0, at)}${text[at] === "7" ? "8" : "7"}${text.slice(at + 1)}`;
        expect(() => parseBackup(changed)).toThrow(expect.objectContaining(refused));
      }),
    );
    expect(() => parseBackup("")).toThrow(expect.objectContaining(refused));
  });

  it("is taken of a running hub, without what means nothing on another disk", async () => {
    await start("hub");
    const engine = await embeddedEngine(join(home, "other"));
    await engine.registry.put("invite/x", new Uint8Array([1]));
    await engine.registry.put("checkpoint", new Uint8Array([2]));
    await engine.close();
    await expect(takeBackup(join(home, "other"), 0)).rejects.toMatchObject({ code: "NOT_FOUND" });
    const taken = await takeBackup(join(home, "hub"), 0);
    expect(taken.rows.map(({ key }) => key)).toEqual(["address"]);
    await loadOrCreateKey(join(home, "other", "hub.key"));
    expect((await takeBackup(join(home, "other"), 0)).rows.map(({ key }) => key)).toEqual(["invite/x"]);
  });

  it("makes a hub of the same key, whose invites are known and whose key is for its owner only", async () => {
    const before = await start("hub");
    before.invite({ role: "worker", label: "a friend" });
    await before.close();
    const backup = await takeBackup(join(home, "hub"), 0);
    const notices: string[] = [];
    const after = await start("new", backup, (notice) => notices.push(notice));
    await after.close();
    expect(summaryOf(await takeBackup(join(home, "new"), 0))).toEqual(summaryOf(backup));
    expect((await stat(join(home, "new", "hub.key"))).mode & 0o777).toBe(0o600);
    expect((await readdir(join(home, "new"))).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    expect(notices).toEqual(after.url === before.url ? [] : [expect.stringContaining(before.url)]);
  });

  it("holds the hub's own TLS key, which its invites pin, and leaves another one where it is", async () => {
    const before = await startHub({ listen: "127.0.0.1:0", data: join(home, "hub"), tls: "own" });
    const pinned = parseInvite(before.invite({ role: "worker" })).tlsPin;
    await before.close();
    const backup = parseBackup(renderBackup(await takeBackup(join(home, "hub"), 0)));
    expect(backup.tls).toBe(await readFile(join(home, "hub", "tls.pem"), "utf8"));
    const data = join(home, "new");
    const after = await startHub({ listen: "127.0.0.1:0", data, tls: "own", recover: backup });
    hubs.push(after);
    expect(parseInvite(after.invite({ role: "worker" })).tlsPin).toEqual(pinned);
    expect((await stat(join(data, "tls.pem"))).mode & 0o777).toBe(0o600);
    await after.close();
    await writeFile(join(data, "tls.pem"), "another");
    await restoreBackup(data, backup);
    expect(await readFile(join(data, "tls.pem"), "utf8")).toBe("another");
  });

  it("holds credit and people, which go on at the new hub as what was before", async () => {
    const before = await start("hub");
    const claim = { person: "ana", label: "Ana", seconds: 60 };
    before.coordinator.credit.accepted({ job: "j", project: "default" }, claim, 3);
    await before.close();
    const engine = await embeddedEngine(join(home, "hub"));
    await engine.registry.put(`person/${Buffer.from("ana").toString("hex")}`, encode([12, 20, 1]));
    await engine.close();
    const backup = parseBackup(renderBackup(await takeBackup(join(home, "hub"), 0)));
    expect(summaryOf(backup)).toMatchObject({ people: 1 });
    // Twice: a service says --recover at each start.
    for (const total of [60, 67]) {
      const after = await start("new", backup);
      const { credit } = after.coordinator;
      expect(credit.rows()).toMatchObject([{ person: "ana", seconds: total, beforeSeconds: total }]);
      expect([...people(after.coordinator.scheduler)]).toMatchObject([{ person: "ana", streak: 12, bad: 1 }]);
      credit.accepted({ job: "k", project: "default" }, { ...claim, seconds: 7 }, 1);
      await after.close();
    }
  });

  it("holds the root keys that it is given, and no TLS key where there is none", async () => {
    await (await start("hub")).close();
    const rootKeys = new Map([["default", newSecretKey()]]);
    const asked: string[] = [];
    const backup = await takeBackup(join(home, "hub"), 0, async (hubKey) => {
      asked.push(Buffer.from(hubKey).toString("hex"));
      return rootKeys;
    });
    const read = parseBackup(renderBackup(backup));
    expect(read).toMatchObject({ rootKeys, tls: undefined });
    expect(summaryOf(read)).toMatchObject({ hub: asked[0], projects: ["default"] });
  });

  it("that an earlier version made has neither", async () => {
    await (await start("hub")).close();
    const [content = ""] = renderBackup(await takeBackup(join(home, "hub"), 0)).split(/\n(?=\w+\n$)/);
    const { rootKeys: _, ...before } = JSON.parse(content) as Record<string, unknown>;
    const text = JSON.stringify(before);
    const check = createHash("sha256").update(text).digest("hex");
    expect(parseBackup(`${text}\n${check}\n`)).toMatchObject({ rootKeys: new Map(), tls: undefined });
  });

  it("does not touch the directory of another hub, nor of one that runs, nor none at all", async () => {
    await (await start("hub")).close();
    const backup = await takeBackup(join(home, "hub"), 0);
    await (await start("other")).close();
    await expect(start("other", backup)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    await start("hub");
    await expect(start("hub", backup)).rejects.toMatchObject({ code: "DATA_IN_USE" });
    await expect(startHub({ listen: "127.0.0.1:0", recover: backup })).rejects.toMatchObject({
      code: "BAD_ARGUMENT",
    });
  });

  it("leaves what a directory of the same hub has, so that recovering twice does no harm", async () => {
    await (await start("hub")).close();
    const backup = await takeBackup(join(home, "hub"), 0);
    const again = await start("hub", backup);
    again.invite({ role: "viewer", label: "later" });
    await again.close();
    await (await start("hub", backup)).close();
    expect(summaryOf(await takeBackup(join(home, "hub"), 0)).invites).toBe(1);
  });
});
