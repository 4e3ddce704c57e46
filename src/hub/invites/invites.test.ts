import { describe, expect, test } from "vitest";
import { memoryEngine } from "../../engine/index.ts";
import { defaultTerms, newSecretKey } from "../../security/index.ts";
import { startHub } from "../opening/opening.ts";
import { Bystander } from "../testing/bystander.ts";
import { describedWorker, jobSpec, numbered, ScriptedPeer, testDirectory, testHub } from "../testing/peer.ts";
import { Invites, type KnownInvite } from "./invites.ts";

const known = (id: string, changes: Partial<KnownInvite> = {}): KnownInvite => ({
  id,
  role: "worker",
  label: "",
  issuedAtMs: 1_000,
  expiresAtMs: 10_000,
  revokedAtMs: null,
  project: "default",
  ...defaultTerms,
  ...changes,
});

describe("the list of invites", () => {
  test("is kept, the newest first, until they expire", async () => {
    const { registry } = memoryEngine();
    let nowMs = 2_000;
    const invites = await Invites.open(registry, new Uint8Array(32), () => nowMs);
    await invites.add(known("a", { label: "ana" }));
    await invites.add(known("b", { issuedAtMs: 1_500, role: "viewer", expiresAtMs: 5_000 }));
    await invites.add(known("own", { issuedAtMs: 1_600 }), true);
    expect(invites.list().map(({ id }) => id)).toEqual(["own", "b", "a"]);
    const again = await Invites.open(registry, new Uint8Array(32), () => nowMs);
    expect(again.list()).toEqual([
      known("b", { issuedAtMs: 1_500, role: "viewer", expiresAtMs: 5_000 }),
      known("a", { label: "ana" }),
    ]);
    nowMs = 5_000;
    expect(again.list().map(({ id }) => id)).toEqual(["a"]);
  });

  test("tells what is revoked, by id or label, also after a restart", async () => {
    const { registry } = memoryEngine();
    const invites = await Invites.open(registry, new Uint8Array(32), () => 2_000);
    for (const id of ["a", "b", "c"]) await invites.add(known(id, { label: id === "c" ? "" : "class" }));
    const shutOut: string[] = [];
    invites.onRevoked = (id) => void shutOut.push(id);
    expect((await invites.revoke("class", "z")).map(({ revokedAtMs }) => revokedAtMs)).toEqual([
      2_000, 2_000,
    ]);
    expect(shutOut.sort()).toEqual(["a", "b"]);
    expect(["a", "b", "c"].map((id) => invites.isRevoked(id))).toEqual([true, true, false]);
    await invites.revoke("c", "z");
    const again = await Invites.open(registry, new Uint8Array(32), () => 3_000);
    expect(["a", "b", "c", "unknown"].map((id) => again.isRevoked(id))).toEqual([true, true, true, false]);
  });

  test("knows no other, and keeps the door open for who asks", async () => {
    const invites = await Invites.open(memoryEngine().registry, new Uint8Array(32), () => 2_000);
    await invites.add(known("a", { label: "admins" }));
    await expect(invites.revoke("b", "a")).rejects.toMatchObject({ code: "NOT_FOUND" });
    await expect(invites.revoke("admins", "a")).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    expect(invites.isRevoked("a")).toBe(false);
  });
});

describe("a revoked invite", () => {
  test("ends its connections at once and lets nobody in; its work goes to others, who notice nothing", async () => {
    const hub = await testHub();
    const bystander = await Bystander.at(hub);
    const admin = await ScriptedPeer.client(hub, "admin");
    const invite = hub.invite({ role: "worker", label: "lost laptop" });
    const lost = await ScriptedPeer.worker(hub, { name: "lost", labels: ["lab"] }, [], { invite });
    const client = await ScriptedPeer.client(hub);
    const spec = jobSpec({ needs: { labels: ["lab"] } });
    client.submit(spec, 1);
    client.watch(spec.job);
    await lost.next("lease");
    expect(await admin.call("invites")).toContainEqual(
      expect.objectContaining({ label: "lost laptop", connections: 1, revokedAtMs: null }),
    );
    await bystander.during(async () => {
      const refused = lost.link.closed.catch((error: unknown) => error);
      await admin.call("revoke", { invite: "lost laptop" });
      expect(await refused).toMatchObject({ code: "UNAUTHORIZED", message: "This invite was revoked" });
      const again = new ScriptedPeer(invite);
      await expect(again.link.start()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
      const heir = await ScriptedPeer.worker(hub, { name: "heir", labels: ["lab"] });
      heir.report(await heir.next("lease"));
      expect(Buffer.compare((await client.next("results")).body, numbered(1))).toBe(0);
    });
  });

  test("stays revoked when the hub is started again", async () => {
    const data = await testDirectory();
    const first = await startHub({ listen: "127.0.0.1:0", data });
    const invite = first.invite({ role: "submitter", label: "ana" });
    const admin = await ScriptedPeer.client(first, "admin");
    await admin.call("revoke", { invite: "ana" });
    admin.link.close();
    await first.close();
    const second = await testHub({ data, listen: first.url.replace("http://", "") });
    await expect(new ScriptedPeer(invite).link.start()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    expect(await (await ScriptedPeer.client(second, "admin")).call("invites")).toContainEqual(
      expect.objectContaining({ label: "ana", revokedAtMs: expect.any(Number) }),
    );
  });

  test("is an admin's affair", async () => {
    const hub = await testHub();
    for (const role of ["submitter", "viewer"] as const) {
      const peer = await ScriptedPeer.client(hub, role);
      await expect(peer.call("invites")).rejects.toMatchObject({ code: "FORBIDDEN" });
      await expect(peer.call("revoke", { invite: "x" })).rejects.toMatchObject({ code: "FORBIDDEN" });
    }
  });
});

describe("whom an invite is for", () => {
  test("has to make sense", async () => {
    const hub = await testHub({ limits: { inviteKeysMax: 10 } });
    const admin = await ScriptedPeer.client(hub, "admin");
    const made = (terms: object) => admin.call("invite", { role: "worker", expiresInMs: 1_000, ...terms });
    for (const terms of [
      { people: 3, person: "ana" },
      { uses: 11 },
      { people: 11 },
      { role: "viewer", trusted: true },
      { role: "submitter", people: 2 },
      { uses: 0 },
    ]) {
      await expect(made(terms), JSON.stringify(terms)).rejects.toMatchObject({ code: "BAD_ARGUMENT" });
    }
    await made({ uses: 10, person: "ana", trusted: true, label: "lab" });
    expect(await admin.call("invites")).toContainEqual(
      expect.objectContaining({
        label: "lab",
        uses: 10,
        used: 0,
        people: null,
        person: "ana",
        trusted: true,
      }),
    );
  });

  test("is known of each worker, whatever it says of itself", async () => {
    const hub = await testHub();
    const invite = hub.invite({ role: "worker", person: "ana", trusted: true });
    const lie = { person: "bob", trusted: false, projects: ["secret"] };
    await ScriptedPeer.worker(hub, { name: "hers", ...lie } as object, [], { invite });
    const stranger = await ScriptedPeer.worker(hub, { name: "stranger", ...lie, trusted: true } as object);
    const described = [...hub.coordinator.workers.values()].map(({ description }) => description);
    expect(described).toMatchObject([
      { name: "hers", person: "ana", trusted: true, projects: ["default"] },
      { name: "stranger", person: stranger.grantId, trusted: false, projects: ["default"] },
    ]);
  });

  test("is counted, also over a restart: who is too late is told so, who came before comes again", async () => {
    const data = await testDirectory();
    const first = await startHub({ listen: "127.0.0.1:0", data });
    const invite = first.invite({ role: "worker", people: 2, label: "poster" });
    const keys = [newSecretKey(), newSecretKey(), newSecretKey()] as const;
    const [one, two] = [keyed(invite, keys[0]), keyed(invite, keys[1])];
    await Promise.all([one.link.start(), two.link.start()]);
    const persons = [...first.coordinator.workers.values()].map(({ description }) => description.person);
    expect(new Set(persons).size).toBe(2);
    one.link.close();
    two.link.close();
    await first.close();
    const second = await testHub({ data, listen: first.url.replace("http://", "") });
    const late = keyed(invite, keys[2]);
    await expect(late.link.start()).rejects.toMatchObject({
      code: "INVITE_USED_UP",
      hint: expect.stringMatching(/\w/),
    });
    await expect(keyed(invite).link.start()).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    await keyed(invite, keys[0]).link.start();
    expect([...second.coordinator.workers.values()].map(({ description }) => description.person)).toEqual([
      persons[0],
    ]);
    const admin = await ScriptedPeer.client(second, "admin");
    expect(await admin.call("invites")).toContainEqual(
      expect.objectContaining({ label: "poster", people: 2, used: 2, connections: 1 }),
    );
  });

  test("leases are theirs who have both the invite and the key", async () => {
    const hub = await testHub();
    const invite = hub.invite({ role: "worker" });
    const client = await ScriptedPeer.client(hub);
    const owner = keyed(invite, newSecretKey());
    await owner.link.start();
    client.submit(jobSpec(), 1);
    const lease = await owner.next("lease");
    const thief = keyed(invite, newSecretKey());
    await thief.link.start();
    const down = await thief.nextDownOr(async () => {
      thief.report(lease);
      await thief.next("ack");
    });
    expect(down).toMatchObject({ code: "PROTOCOL" });
  });
});

/** A worker's peer with a machine key. */
function keyed(invite: string, machineKey?: Uint8Array): ScriptedPeer {
  return new ScriptedPeer(invite, describedWorker(), undefined, machineKey);
}
