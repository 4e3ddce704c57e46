import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { type Cluster, connect } from "../src/client/index.ts";
import { makeHome, musketeers, startUp } from "./support/program.ts";
import { double } from "./support/tasks.ts";

/* Datasets outlive the loss of workers and of the hub's disk, as whole programs. */

// Whole programs, one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 180_000 });
const patient = { timeout: 120_000 };

async function clientOf(hub: string): Promise<Cluster> {
  const cluster = await connect({ hub });
  onTestFinished(() => cluster.close());
  return cluster;
}

async function folderIn(home: string, name: string, text: string): Promise<string> {
  const folder = join(home, name);
  await mkdir(join(folder, "more"), { recursive: true });
  await writeFile(join(folder, "small.txt"), text);
  // Of several blocks.
  await writeFile(join(folder, "more", "large.txt"), text.repeat(100_000));
  return folder;
}

async function textOf(cluster: Cluster, name: string, path: string): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of cluster.open(await cluster.dataset(name).file(path))) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** Which workers keep all of a dataset. */
async function keepersOf(cluster: Cluster, name: string): Promise<string[]> {
  const dataset = (await cluster.datasets()).find((each) => each.name === name);
  return (dataset?.keptBy ?? []).filter(({ whole }) => whole).map(({ worker }) => worker);
}

async function keeper(name: string, invite: string, home?: string) {
  const at = home ?? (await makeHome());
  const args = ["--trust", "--slots", "1", "--name", name, "--cache", join(at, "cache"), "--json"];
  const worker = musketeers(["join", "--accept", invite, ...args], at);
  await worker.until(/"joined"/);
  return { worker, home: at };
}

/** Where a worker keeps what its hub signed, once that names a dataset, or a person. */
async function keptNaming(kind: string, name: string, { home }: { readonly home: string }): Promise<string> {
  const cache = join(home, "cache");
  return vi.waitFor(async () => {
    const file = (await readdir(cache, { recursive: true })).find((path) => path.endsWith(kind));
    const path = join(cache, file ?? kind);
    if (!(await readFile(path, "latin1")).includes(name)) throw new Error(`It does not name ${name}`);
    return path;
  }, patient);
}

const grace = ["--limit", "replicaGraceMs=300ms"];

test("a replica whose worker is gone for good is kept by another one", async () => {
  const home = await makeHome();
  const { line } = await startUp(home, ["--workers", "0", ...grace]);
  const [athos] = await Promise.all([keeper("athos", line.joinInvite), keeper("porthos", line.joinInvite)]);
  const cluster = await clientOf(line.submitInvite);
  const folder = await folderIn(home, "books", "All for one.\n");
  const put = await musketeers(["put", folder, "--name", "books", "--replicas", "2"], home).ended;
  expect([put.status, put.stderr]).toEqual([0, expect.anything()]);
  await expect.poll(() => keepersOf(cluster, "books"), patient).toEqual(["athos", "porthos"]);
  expect((await musketeers(["ls"], home).ended).stdout).toMatch(/books .* 2 of 2 +athos, porthos/);
  await keeper("aramis", line.joinInvite);
  expect(await keepersOf(cluster, "books")).toEqual(["athos", "porthos"]);
  await athos.worker.stop("SIGKILL");
  await expect.poll(() => keepersOf(cluster, "books"), patient).toEqual(["aramis", "porthos"]);
  await cluster.removeDataset("books");
  await expect.poll(async () => (await cluster.datasets()).length, patient).toBe(0);
});

test("after the loss of the hub's disk all datasets are back, also one of which the first to come has the blocks and only the last has heard", async () => {
  const home = await makeHome();
  const { up, line } = await startUp(home, ["--workers", "0", "--limit", "accountsIntervalMs=50ms"]);
  const athos = await keeper("athos", line.joinInvite);
  const cluster = await clientOf(line.submitInvite);
  await cluster.put(await folderIn(home, "books", "One for all.\n"), { name: "books", replicas: 2 });
  const file = join(home, "hub.backup");
  expect((await musketeers(["backup", file], home).ended).status).toBe(0);
  const catalogue = await keptNaming("catalogue", "books", athos);
  // After the backup, which knows nothing of it.
  expect(await cluster.run(double, 4)).toBe(8);
  const [credit] = await cluster.credit();
  expect(credit).toMatchObject({ inputs: 1 });
  await keptNaming("accounts", credit!.person, athos);
  const early = await readFile(catalogue);
  await cluster.put(await folderIn(home, "later", "After the backup.\n"), { name: "later", replicas: 1 });
  await expect.poll(() => keepersOf(cluster, "later"), patient).toEqual(["athos"]);
  await keptNaming("catalogue", "later", athos);
  const porthos = await keeper("porthos", line.joinInvite);
  await keptNaming("catalogue", "later", porthos);
  await expect.poll(() => keepersOf(cluster, "books"), patient).toEqual(["athos", "porthos"]);
  const before = await cluster.datasets();
  await cluster.close();
  await Promise.all([athos.worker.stop(), porthos.worker.stop()]);
  // As if it had gone between the put and the word of it: changes of the catalogue go out together, some time after.
  await writeFile(catalogue, early);

  await up.stop("SIGKILL");
  await rm(join(home, "hub"), { recursive: true, force: true, maxRetries: 10 });
  const listen = ["--listen", new URL(line.url).host, "--workers", "0"];
  const { up: after } = await startUp(home, ["--recover", file, ...listen]);
  await keeper("athos", line.joinInvite, athos.home);
  await after.until(/recovered: all blocks of all datasets are back/, "stderr");
  const again = await clientOf(line.submitInvite);
  expect(await again.credit()).toEqual([credit]);
  expect((await again.datasets()).map(({ name }) => name)).toEqual(["books"]);
  await keeper("porthos", line.joinInvite, porthos.home);
  const plain = ({ keptBy: _keptBy, ...dataset }: (typeof before)[number]) => dataset;
  await expect.poll(async () => (await again.datasets()).map(plain), patient).toEqual(before.map(plain));
  expect(await textOf(again, "books", "small.txt")).toBe("One for all.\n");
  const laterText = () => textOf(again, "later", "more/large.txt").catch(() => "not there yet");
  await expect.poll(laterText, patient).toBe("After the backup.\n".repeat(100_000));
  await expect.poll(() => keepersOf(again, "books"), patient).toEqual(["athos", "porthos"]);
  await expect.poll(() => keepersOf(again, "later"), patient).toEqual(["athos"]);
  expect((await after.stop()).status).toBe(0);
});
