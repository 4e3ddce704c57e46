import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { cidOf } from "../../data/index.ts";
import type { RecoveryToHub } from "../../protocol/index.ts";
import { ACCOUNTS, CATALOGUE, newSecretKey, publicKeyOf, signStatement } from "../../security/index.ts";
import { CatalogueKeeper, MemoryShelf, type Shelf } from "./catalogue-keeper.ts";
import { FileShelf } from "./file-shelf.ts";

const secretKey = newSecretKey();
const signed = (sequence: number, key = secretKey, about = CATALOGUE) =>
  signStatement({ about, sequence, content: new Uint8Array([sequence]) }, key);
const none = new Uint8Array(0);

/** A keeper of some blocks, and what it says. */
function keeperOn(shelf: Shelf, blocks: readonly Uint8Array[] = []) {
  const said: { message: RecoveryToHub; body: Uint8Array }[] = [];
  const stored: string[] = [];
  let told = () => {};
  const keeper = new CatalogueKeeper({
    hubKey: publicKeyOf(secretKey),
    shelf,
    accountsShelf: new MemoryShelf(),
    send: (message, body = none) => {
      said.push({ message, body });
      told();
    },
    peek: async (cid) => blocks.find((bytes) => cidOf(bytes, "dag-pb") === cid || cidOf(bytes) === cid),
    store: async (cid, bytes) => {
      if (bytes.length === 1) throw new Error("the hub is away");
      stored.push(cid);
    },
  });
  const answer = () => {
    const before = said.length;
    return new Promise<{ message: RecoveryToHub; body: Uint8Array }>((resolve) => {
      told = () => resolve(said[before]!);
    });
  };
  const ask = (message: Parameters<CatalogueKeeper["onMessage"]>[0]) => {
    const answered = answer();
    keeper.onMessage(message, none);
    return answered;
  };
  return { keeper, stored, ask, said };
}

test("of the catalogues that its hub signed a worker keeps the newest, and gives it back", async () => {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-test-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  const path = join(directory, "below", "catalogue");
  const { keeper, ask } = keeperOn(new FileShelf(path));
  expect(await ask({ type: "recall" })).toEqual({ message: { type: "catalogue" }, body: none });
  for (const bytes of [signed(3), signed(2), signed(9, newSecretKey()), none, new Uint8Array(500)]) {
    keeper.onMessage({ type: "catalogue" }, bytes);
  }
  expect(Buffer.compare((await ask({ type: "recall" })).body, signed(3))).toBe(0);
  // Also after it was started again.
  expect(Buffer.compare((await keeperOn(new FileShelf(path)).ask({ type: "recall" })).body, signed(3))).toBe(
    0,
  );
  expect(await readdir(join(directory, "below"))).toEqual(["catalogue"]);
});

test("a disk that refuses the catalogue is no error", async () => {
  const { keeper, ask } = keeperOn(new FileShelf("/dev/null/nowhere/catalogue"));
  keeper.onMessage({ type: "catalogue" }, signed(3));
  expect((await ask({ type: "recall" })).body).toHaveLength(0);
});

test("blocks that it keeps are stored at the hub, as what they are, and the rest is passed over", async () => {
  const [leaf, node, failing] = [new Uint8Array([1, 2]), new Uint8Array([3, 4]), new Uint8Array([5])];
  const { stored, ask } = keeperOn(new MemoryShelf(), [leaf, node, failing]);
  const unknown = cidOf(new Uint8Array(9));
  const cids = [cidOf(leaf), unknown, cidOf(failing), cidOf(node, "dag-pb")];
  expect((await ask({ type: "upload", call: 7, cids })).message).toEqual({ type: "uploaded", call: 7 });
  expect(stored.sort()).toEqual([cidOf(leaf), cidOf(node, "dag-pb")].sort());
});

test("accounts are kept beside the catalogue, the newest of each, and given back before it", async () => {
  const { keeper, ask, said } = keeperOn(new MemoryShelf());
  for (const about of [ACCOUNTS, CATALOGUE]) {
    const type = about === ACCOUNTS ? "accounts" : "catalogue";
    for (const sequence of [5, 3]) keeper.onMessage({ type }, signed(sequence, secretKey, about));
    keeper.onMessage({ type }, signed(9, newSecretKey(), about));
  }
  // Signed by the hub, about something else.
  keeper.onMessage({ type: "accounts" }, signed(8, secretKey, CATALOGUE));
  await ask({ type: "recall" });
  await expect.poll(() => said.map(({ message }) => message.type)).toEqual(["accounts", "catalogue"]);
  expect(Buffer.compare(said[0]!.body, signed(5, secretKey, ACCOUNTS))).toBe(0);
  expect(Buffer.compare(said[1]!.body, signed(5))).toBe(0);
});
