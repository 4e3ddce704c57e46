import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { double } from "../../../test/support/tasks.ts";
import { connect } from "../../client/index.ts";
import { startHub } from "../../hub/index.ts";
import { parseInvite } from "../../security/index.ts";
import { startWorker } from "../../worker/node.ts";
import { endorseAs, NOTHING_ASKED, openOwner } from "./endorse.ts";

async function home(): Promise<{ MUSKETEERS_HOME: string }> {
  const directory = await mkdtemp(join(tmpdir(), "musketeers-owner-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return { MUSKETEERS_HOME: directory };
}

async function startOwnHub() {
  const hub = await startHub({ listen: "127.0.0.1:0" });
  onTestFinished(() => hub.close());
  return hub;
}

test("workers with the project's key run what its submitters sign, and nothing else", async () => {
  const hub = await startOwnHub();
  const plain = hub.invite({ role: "submitter" });
  const { endorse } = await openOwner(parseInvite(plain), await home());
  const worker = await startWorker({
    invite: endorse(hub.invite({ role: "worker" })),
    trust: true,
    slots: 1,
  });
  onTestFinished(() => worker.stop());
  const stranger = await connect({ hub: plain });
  onTestFinished(() => stranger.close());
  const job = await stranger.submit(double, [1]);
  expect((await job.status()).waiting).toBe(
    "no connected worker runs code that no submitter of its project signed",
  );
  const ana = await connect({ hub: endorse(hub.invite({ role: "submitter", label: "ana" })) });
  onTestFinished(() => ana.close());
  expect(await ana.run(double, 21)).toBe(42);
});

test("whoever is not the owner can let workers in, but nobody submit", async () => {
  const hub = await startOwnHub();
  const owners = await home();
  const others = await home();
  const { endorse, forget } = await openOwner(parseInvite(hub.invite({ role: "admin" })), owners);
  const admin = parseInvite(endorse(hub.invite({ role: "admin" })));
  const worker = hub.invite({ role: "worker" });
  const submitter = hub.invite({ role: "submitter" });
  const byOther = parseInvite(await endorseAs(admin, worker, NOTHING_ASKED, others));
  expect(byOther.endorsement?.projectKey).toEqual(admin.endorsement?.projectKey);
  await expect(endorseAs(admin, submitter, NOTHING_ASKED, others)).rejects.toMatchObject({
    code: "FORBIDDEN",
  });
  const byOwner = parseInvite(await endorseAs(admin, submitter, NOTHING_ASKED, owners));
  expect(byOwner.endorsement?.signer).toBeDefined();
  // Of a hub that has no owner, invites stay as they are.
  await forget();
  const bare = parseInvite(hub.invite({ role: "admin" }));
  expect(await endorseAs(bare, submitter, NOTHING_ASKED, owners)).toBe(submitter);
});
