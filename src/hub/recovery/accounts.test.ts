import { expect, onTestFinished, test } from "vitest";
import { memoryEngine, type Registry } from "../../engine/index.ts";
import { newSecretKey } from "../../security/index.ts";
import { FakeWorker, folderOf, put, Site, secretKey } from "../testing/recovering.ts";
import { openAccounts } from "./accounts-statement.ts";

/* What workers keep of credit and people, and how it comes back. */

async function siteOf(...options: Parameters<typeof Site.open>): Promise<Site> {
  const site = await Site.open(...options);
  onTestFinished(async () => {
    site.keepers.close();
    site.people.close();
    await site.credit.close();
  });
  return site;
}

/** Each in a job of its own: what others claim bounds nobody. */
const earn = (site: Site, person: string, seconds: number) =>
  site.credit.accepted(
    { job: person, project: "stars" },
    { person, label: person.toUpperCase(), seconds },
    1,
  );
const board = (site: Site) => Object.fromEntries(site.credit.list().map((row) => [row.person, row.seconds]));
const limits = { accountsIntervalMs: 5 };

test("accountsIntervalMs: trusted workers are given them when they join and some time after they changed, and give them back to a hub without a disk", async () => {
  const before = await siteOf({ nowMs: 1_000, limits });
  const worker = new FakeWorker("w");
  worker.join(before);
  earn(before, "ana", 7);
  await worker.givenAccounts(1);
  before.people.learn({ person: "ana", streak: 12, valid: 20, bad: 1, accusations: [["bob"]] });
  await worker.givenAccounts(2);
  const late = new FakeWorker("late");
  late.join(before);
  await late.givenAccounts(1);
  expect(Buffer.compare(late.accounts, worker.accounts)).toBe(0);

  const after = await siteOf({ recover: true, nowMs: 2_000, limits });
  earn(after, "bob", 1);
  earn(after, "ana", 2);
  worker.receivedAccounts = 0;
  worker.join(after);
  await after.until(/^recovered/);
  expect(board(after)).toEqual({ ana: 9, bob: 1 });
  expect(after.recalled).toEqual([{ person: "ana", streak: 12, valid: 20, bad: 1, accusations: [["bob"]] }]);
  expect(after.notices).toContain("took back what 1 people did from the worker w");
  // What it gets back says all of it, and is newer than what it had.
  await worker.givenAccounts(1);
  const said = openAccounts(worker.accounts, secretKey);
  expect(said).toMatchObject({ lifeMs: 2_000, credit: [{ beforeSeconds: 7, seconds: 9 }, { seconds: 1 }] });
  // Who says nothing new is not spoken of, however often it comes.
  const told = after.notices.length;
  for (let times = 0; times < 2; times++) {
    late.receivedAccounts = 0;
    late.join(after);
    await late.givenAccounts(1);
    expect(Buffer.compare(late.accounts, worker.accounts)).toBe(0);
    late.leave();
  }
  expect(after.notices).toHaveLength(told);
  expect(board(after)).toEqual({ ana: 9, bob: 1 });
  expect(after.recalled).toHaveLength(1);
});

test("a worker that comes back late, and knows more, keeps it until it was heard", async () => {
  const before = await siteOf({ nowMs: 1_000, limits });
  const [early, late] = [new FakeWorker("early"), new FakeWorker("late")];
  early.join(before);
  late.join(before);
  earn(before, "ana", 1);
  await Promise.all([early.givenAccounts(1), late.givenAccounts(1)]);
  early.leave();
  earn(before, "ana", 10);
  await late.givenAccounts(2);
  late.leave();

  const after = await siteOf({ recover: true, nowMs: 9_000, limits });
  early.join(after);
  await after.until(/^recovered/);
  earn(after, "ana", 100);
  await early.givenAccounts(3);
  expect(board(after)).toEqual({ ana: 101 });
  late.join(after);
  await after.until(/from the worker late/);
  // What was on its way to it already may come first.
  const kept = () => openAccounts(late.accounts, secretKey).credit[0];
  await expect.poll(kept, { timeout: 60_000 }).toMatchObject({ seconds: 111, beforeSeconds: 11 });
  expect(board(after)).toEqual({ ana: 111 });
});

test("what was changed on its way, or another hub signed, is refused; the catalogue that comes with it is heard", async () => {
  const other = await siteOf({ key: newSecretKey(), nowMs: 5_000 });
  earn(other, "eve", 1_000);
  const forged = (await other.accounts.signed())!;
  const own = await siteOf({ nowMs: 1_000 });
  const scribe = new FakeWorker("scribe");
  scribe.join(own);
  await put(own, "books", await folderOf({ "a.txt": "a" }));
  await scribe.given(1);
  earn(own, "eve", 1);
  const changed = (await own.accounts.signed())!.slice();
  changed[changed.length >> 1]! ^= 1;
  // A catalogue is signed by the same key, and is about something else.
  for (const accounts of [forged, changed, scribe.catalogue]) {
    const after = await siteOf({ recover: true, nowMs: 9_000 });
    const worker = new FakeWorker("w");
    Object.assign(worker, { accounts, catalogue: scribe.catalogue });
    worker.join(after);
    await after.until(/from the worker w: 1 datasets/);
    expect(after.notices.some((notice) => notice.includes("UNAUTHORIZED"))).toBe(true);
    expect([board(after), after.recalled]).toEqual([{}, []]);
  }
});

test("people are taken from a later word only: what was found out or forgiven since is not undone", async () => {
  const engine = memoryEngine();
  const before = await siteOf({ engine, nowMs: 1_000 });
  const word = async (streak: number) => {
    before.people.learn({ person: "ana", streak, valid: streak, bad: 0 });
    const accounts = await siteOf({ engine, nowMs: 1_000 });
    accounts.people.learn({ person: "ana", streak, valid: streak, bad: 0 });
    return (await accounts.accounts.signed())!;
  };
  const [first, second, third] = [await word(1), await word(2), await word(3)];
  const after = await siteOf({ recover: true, nowMs: 9_000 });
  for (const bytes of [second, first, second, third, first]) await after.accounts.adopt(bytes);
  expect(after.recalled.map(({ streak }) => streak)).toEqual([2, 3]);
  // A backup that was made after a word knows it.
  const registry: Registry = memoryEngine().registry;
  await registry.put("accounts", (await engine.registry.get("accounts"))!.value);
  const restored = await siteOf({ engine: { ...memoryEngine(), registry }, recover: true, nowMs: 9_000 });
  for (const bytes of [first, second, third]) await restored.accounts.adopt(bytes);
  expect(restored.recalled).toEqual([]);
});

test("accountsBytesMax: of more than may be kept those are who did most, and the operator is told once", async () => {
  const site = await siteOf({ nowMs: 1_000, limits: { accountsBytesMax: 5_000 } });
  for (let at = 1; at <= 200; at++) {
    earn(site, `person ${at}`, at);
    site.people.learn({ person: `person ${at}`, streak: at, valid: at, bad: 0 });
  }
  const bytes = (await site.accounts.signed())!;
  expect(bytes.length).toBeLessThanOrEqual(5_000);
  const { credit, people } = openAccounts(bytes, secretKey);
  expect(credit.length).toBeGreaterThan(20);
  expect(Math.min(...credit.map(({ seconds }) => seconds))).toBe(201 - credit.length);
  expect(Math.min(...people.map(({ streak }) => streak))).toBe(201 - people.length);
  earn(site, "ana", 500);
  await site.accounts.adopt(bytes);
  await site.accounts.signed();
  expect(site.notices).toEqual([expect.stringContaining("accountsBytesMax")]);
});
