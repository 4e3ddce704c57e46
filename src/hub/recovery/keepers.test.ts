import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { defaultTerms, newSecretKey } from "../../security/index.ts";
import { surveyTree } from "../datasets/tree-survey.ts";
import type { KnownInvite } from "../invites/invites.ts";
import { FakeWorker, folderOf, holders, put, Site, secretKey } from "../testing/recovering.ts";
import { openCatalogue } from "./catalogue.ts";

const revoked: KnownInvite = {
  id: "i",
  role: "worker",
  label: "thief",
  issuedAtMs: 1,
  expiresAtMs: 10 ** 12,
  revokedAtMs: 5,
  project: "default",
  ...defaultTerms,
};

describe("keepers of a hub's catalogue", () => {
  it("are given it when they join and whenever it changes, and bring it back to a hub without a disk", async () => {
    const books = await folderOf({ "a.txt": "a text of several chunks", "b/c.txt": "another one" });
    const before = await Site.open({ nowMs: 1_000 });
    const worker = new FakeWorker("w", books.blocks);
    worker.join(before);
    expect(worker.received).toBe(0);
    await before.invites.add(revoked);
    await put(before, "books", books);
    await worker.given(1);
    const late = new FakeWorker("late");
    late.join(before);
    expect(Buffer.compare(late.catalogue, worker.catalogue)).toBe(0);
    const listed = before.datasets.list();
    worker.leave();
    before.keepers.close();

    const after = await Site.open({ recover: true, nowMs: 2_000 });
    holders(after, [worker]);
    expect(after.keepers.warnings()).toEqual([expect.stringContaining("waiting for the trusted workers")]);
    worker.join(after);
    await after.until(/^recovered/);
    expect(after.datasets.list()).toEqual(listed);
    expect(await surveyTree(books.cid, after.engine.blobs)).toEqual({ bytes: 35, files: 2 });
    expect(after.invites.isRevoked("i")).toBe(true);
    expect(after.notices[0]).toContain("from the worker w: 1 datasets");
    // It has said it anew since; on the next start nothing is recovered any more.
    await worker.given(2);
    expect((await Site.open({ engine: after.engine })).keepers.hearing).toBe(false);
    after.keepers.close();
  });

  it("are given what changed just before the hub was killed as soon as it is back", async () => {
    const books = await folderOf({ "a.txt": "a text" });
    const before = await Site.open({ nowMs: 1_000 });
    const worker = new FakeWorker("w", books.blocks);
    worker.join(before);
    await put(before, "books", books);
    worker.leave();
    before.keepers.close();
    expect(worker.received).toBe(0);

    const after = await Site.open({ engine: before.engine, nowMs: 2_000 });
    worker.join(after);
    await worker.given(1);
    expect(openCatalogue(worker.catalogue, secretKey).datasets).toMatchObject([{ name: "books" }]);
    after.keepers.close();
  });

  it("owe an answer once they were asked, and are done with it also when they keep nothing", async () => {
    const site = await Site.open({ recover: true, nowMs: 2_000 });
    const worker = new FakeWorker("w");
    worker.answers = false;
    worker.join(site);
    expect(site.keepers.isOwing("w")).toBe(true);
    const heard = new Promise<void>((resolve) => {
      site.keepers.onHeard = resolve;
    });
    site.keepers.catalogue("w", new Uint8Array(0));
    await heard;
    expect(site.keepers.isOwing("w")).toBe(false);
    site.keepers.close();
  });

  it("do not hold up a recovery when they leave without an answer", async () => {
    const site = await Site.open({ recover: true, nowMs: 2_000 });
    const [silent, empty] = [new FakeWorker("silent"), new FakeWorker("empty")];
    silent.answers = false;
    silent.join(site);
    empty.join(site);
    const heard = new Promise<void>((resolve) => {
      site.keepers.onHeard = resolve;
    });
    await heard;
    expect(site.keepers.hearing).toBe(true);
    silent.leave();
    await site.until(/^recovered/);
    expect(site.keepers.hearing).toBe(false);
    site.keepers.close();
  });

  it("believes its own signature only, and of two catalogues the newer, whoever comes first", async () => {
    const old = await folderOf({ "old.txt": "old" });
    const young = await folderOf({ "young.txt": "young" });
    const site = await Site.open({ nowMs: 1_000 });
    const [first, second, forger] = ["1", "2", "f"].map((name) => new FakeWorker(name));
    first!.join(site);
    second!.join(site);
    await put(site, "removed", old);
    await Promise.all([first!.given(1), second!.given(1)]);
    first!.leave();
    await site.datasets.remove("removed");
    await put(site, "added", young);
    await second!.given(2);
    site.keepers.close();
    const other = await Site.open({ key: newSecretKey(), nowMs: 5_000 });
    forger!.join(other);
    await put(other, "forged", old);
    await forger!.given(1);
    other.keepers.close();

    const said = new Map([first!, second!, forger!].map((worker) => [worker, worker.catalogue]));
    for (const order of [
      [first!, forger!, second!],
      [second!, first!, forger!],
    ]) {
      const after = await Site.open({ recover: true, nowMs: 9_000 });
      holders(after, order);
      for (const worker of order) {
        worker.catalogue = said.get(worker)!;
        for (const block of [...old.blocks, ...young.blocks]) worker.blocks.set(...block);
        worker.join(after);
      }
      await after.until(/^recovered/);
      expect(after.datasets.list().map(({ name }) => name)).toEqual(["added"]);
      expect(after.notices.some((notice) => notice.includes("UNAUTHORIZED"))).toBe(true);
      after.keepers.close();
    }
  });

  it("takes a newer one from whoever comes back late, without touching what was put meanwhile", async () => {
    const [one, two, three] = await Promise.all([
      folderOf({ "1.txt": "one" }),
      folderOf({ "2.txt": "two" }),
      folderOf({ "3.txt": "three" }),
    ]);
    const site = await Site.open({ nowMs: 1_000 });
    const [early, late] = [new FakeWorker("early"), new FakeWorker("late")];
    early.join(site);
    late.join(site);
    await put(site, "one", one);
    await Promise.all([early.given(1), late.given(1)]);
    early.leave();
    await put(site, "two", two);
    await late.given(2);
    site.keepers.close();
    for (const worker of [early, late]) {
      for (const block of [...one.blocks, ...two.blocks]) worker.blocks.set(...block);
    }
    const after = await Site.open({ recover: true, nowMs: 9_000 });
    holders(after, [early, late]);
    early.join(after);
    await after.until(/^recovered/);
    await put(after, "three", three);
    late.join(after);
    await after.until(/from the worker late/);
    expect(after.datasets.list().map(({ name }) => name)).toEqual(["one", "three", "two"]);
    const told = () => openCatalogue(early.catalogue, secretKey).datasets.map(({ name }) => name);
    // The loss of this disk, too, must not cost what only the late one knew of.
    for (let times = early.received; !told().includes("two"); times++) await early.given(times + 1);
    after.keepers.close();
  });

  it("takes nothing back that was removed since the loss, and forgets nothing over two losses that one alone knows of", async () => {
    const [one, two, three] = await Promise.all([
      folderOf({ "1.txt": "one" }),
      folderOf({ "2.txt": "two" }),
      folderOf({ "3.txt": "three" }),
    ]);
    const site = await Site.open({ nowMs: 1_000 });
    const [early, late] = [new FakeWorker("early"), new FakeWorker("late")];
    for (const worker of [early, late]) {
      for (const block of [...one.blocks, ...two.blocks, ...three.blocks]) worker.blocks.set(...block);
      worker.join(site);
    }
    await put(site, "one", one);
    await Promise.all([early.given(1), late.given(1)]);
    early.leave();
    await put(site, "two", two);
    await late.given(2);
    site.keepers.close();

    // Late is away all the time.
    const second = await Site.open({ recover: true, nowMs: 9_000 });
    holders(second, [early]);
    early.join(second);
    await second.until(/^recovered/);
    await second.datasets.remove("one");
    await put(second, "three", three);
    const told = () => openCatalogue(early.catalogue, secretKey).datasets.map(({ name }) => name);
    for (let times = early.received; told().join() !== "three"; times++) await early.given(times + 1);
    second.keepers.close();

    const said = new Map([early, late].map((worker) => [worker, worker.catalogue]));
    for (const order of [
      [early, late],
      [late, early],
    ]) {
      for (const worker of order) worker.catalogue = said.get(worker)!;
      const third = await Site.open({ recover: true, nowMs: 20_000 });
      holders(third, order);
      for (const worker of order) {
        worker.join(third);
        await third.until(new RegExp(`from the worker ${worker.name}`));
      }
      await third.until(/^recovered/);
      expect(third.datasets.list().map(({ name }) => name)).toEqual(["three", "two"]);
      third.keepers.close();
      // What it knows and does not know outlives its restart.
      const restarted = await Site.open({ engine: third.engine, nowMs: 21_000 });
      holders(restarted, order);
      for (const worker of order) {
        worker.catalogue = said.get(worker)!;
        const { received } = worker;
        worker.join(restarted);
        await worker.given(received + 1);
      }
      expect(restarted.notices).toEqual([]);
      restarted.keepers.close();
    }
  });

  it("publishes what it knows, and lacks since when, however long a block is with nobody", async () => {
    const [lost, kept] = await Promise.all([
      folderOf({ "lost.txt": "one" }),
      folderOf({ "kept.txt": "two" }),
    ]);
    const site = await Site.open({ nowMs: 1_000 });
    const [here, away] = [new FakeWorker("here", kept.blocks), new FakeWorker("away", lost.blocks)];
    here.join(site);
    await put(site, "lost", lost);
    await put(site, "kept", kept);
    await here.given(1);
    here.leave();
    site.keepers.close();

    const after = await Site.open({ recover: true, nowMs: 9_000 });
    holders(after, [here, away]);
    here.join(after);
    await after.until(/^recovering: 1 blocks/);
    await here.given(2);
    expect(openCatalogue(here.catalogue, secretKey).datasets.map(({ name }) => name)).toEqual([
      "kept",
      "lost",
    ]);
    expect([after.keepers.lackOf(kept.cid), after.keepers.lackOf(lost.cid)]).toEqual([
      undefined,
      { blocks: 1, sinceMs: 9_000 },
    ]);
    expect([kept.cid, lost.cid, "unknown"].map(after.keepers.held())).toEqual([false, true, true]);
    // What was removed since is not taken back from those who were told of it before.
    await after.datasets.remove("kept");
    here.leave();
    here.join(after);
    await here.given(4);
    expect(after.datasets.list().map(({ name }) => name)).toEqual(["lost"]);
    after.keepers.close();

    const again = await Site.open({ engine: after.engine, nowMs: 20_000 });
    holders(again, [here, away]);
    await again.until(/^recovering: 1 blocks/);
    expect(again.keepers.lackOf(lost.cid)).toEqual({ blocks: 1, sinceMs: 9_000 });
    away.join(again);
    await again.until(/^recovered/);
    expect(again.keepers.warnings()).toEqual([]);
    expect(["unknown"].map(again.keepers.held())).toEqual([false]);
    again.keepers.close();
  });

  it("gets back what turned out to be damaged, without being told to recover", async () => {
    const books = await folderOf({ "a.txt": "a" });
    const site = await Site.open({ limits: { replicaRetryMs: 1 } });
    const worker = new FakeWorker("w", books.blocks);
    holders(site, [worker]);
    await put(site, "books", books);
    worker.join(site);
    const [gone] = books.blocks.keys();
    await site.engine.blobs.delete(gone!);
    site.keepers.damaged(gone!);
    // Nobody says anything more: it asks again by itself.
    worker.answers = false;
    await vi.waitFor(() => expect(worker.asked).toEqual([1]));
    worker.answers = true;
    site.keepers.uploaded("w", 1);
    await site.until(/^recovered/);
    expect(await surveyTree(books.cid, site.engine.blobs)).toMatchObject({ files: 1 });
    site.keepers.close();
  });

  it("uploadBlocksMax: gets every block that anybody keeps, whoever leaves meanwhile, and says how many nobody has", async () => {
    const files = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [
        `f${n % 3}/${n}.txt`,
        `file ${n} is long enough ${"x".repeat(n * 9)}`,
      ]),
    );
    const folder = await folderOf(files);
    const cids = [...folder.blocks.keys()];
    const site = await Site.open();
    const scribe = new FakeWorker("scribe");
    scribe.join(site);
    await put(site, "books", folder);
    await scribe.given(1);
    site.keepers.close();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.nat({ max: 3 }), { maxLength: 2 }), {
          minLength: cids.length,
          maxLength: cids.length,
        }),
        fc.option(fc.nat({ max: 3 }), { nil: undefined }),
        async (kept, leaver) => {
          const workers = [0, 1, 2, 3].map((at) => {
            const blocks = cids.flatMap((cid, index) =>
              kept[index]!.includes(at) ? [[cid, folder.blocks.get(cid)!] as const] : [],
            );
            const worker = new FakeWorker(`w${at}`, blocks);
            worker.catalogue = scribe.catalogue;
            return worker;
          });
          const after = await Site.open({ recover: true, nowMs: 9_000, limits: { uploadBlocksMax: 4 } });
          holders(after, workers);
          for (const worker of workers) worker.join(after);
          const gone = leaver === undefined ? undefined : workers[leaver];
          if (gone !== undefined) gone.answers = false;
          if (gone !== undefined) queueMicrotask(() => gone.leave());
          await after.until(/^recovered|^recovering/);
          if (gone !== undefined) {
            gone.answers = true;
            gone.join(after);
          }
          const union = new Set(workers.flatMap(({ blocks }) => [...blocks.keys()]));
          if (union.size === cids.length) {
            await after.until(/^recovered/);
            expect((await surveyTree(folder.cid, after.engine.blobs)).files).toBe(12);
          } else {
            await after.until(/^recovering: [1-9]/);
            expect(after.keepers.lackOf(folder.cid)).toBeDefined();
          }
          for (const { asked } of workers) expect(Math.max(0, ...asked)).toBeLessThanOrEqual(4);
          after.keepers.close();
        },
      ),
      { numRuns: 30 },
    );
  });

  it("recoveryIntervalMs: however often workers say what they keep, it is looked at together", async () => {
    const books = await folderOf({ "a.txt": "a" });
    const site = await Site.open();
    const worker = new FakeWorker("w");
    worker.join(site);
    await put(site, "books", books);
    await worker.given(1);
    site.keepers.close();
    const after = await Site.open({ recover: true, nowMs: 9_000 });
    // It says that it has them, and has not.
    after.keepers.holdersOf = () => ["w"];
    worker.join(after);
    await after.until(/^took/);
    for (let times = 0; times < 1_000; times++) after.keepers.holds("w");
    await after.until(/^recovering: 1 blocks/);
    expect(after.keepers.warnings()).toEqual([
      expect.stringContaining("Dataset books lacks 1 block since 1970-01-01T00:00:09.000Z"),
    ]);
    expect(worker.asked.length).toBeLessThanOrEqual(2);
    after.keepers.close();
  });

  it("catalogueBytesMax: one that is too large is given to nobody, and that is said", async () => {
    const site = await Site.open({ limits: { catalogueBytesMax: 100 } });
    const worker = new FakeWorker("w");
    worker.join(site);
    await put(site, "books", await folderOf({ "a.txt": "a" }));
    await site.until(/catalogueBytesMax/);
    expect(worker.received).toBe(0);
    site.keepers.close();
  });
});
