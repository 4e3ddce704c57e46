import { expect, onTestFinished, test } from "vitest";
import { defaultLimits, FrameSender, PROTOCOL_VERSION } from "../protocol/index.ts";
import { createInvite, newSecretKey, parseInvite, publicKeyOf } from "../security/index.ts";
import { Link } from "./link.ts";
import type { OpenSocket } from "./socket.ts";

test("a hub that speaks another version is not asked again; the error says where the right program is", async () => {
  const hubSecretKey = newSecretKey();
  const { invite } = createInvite({
    hubSecretKey,
    url: "http://192.0.2.7:7077",
    role: "submitter",
    project: "default",
    issuedAtMs: 0,
    expiresAtMs: 1,
  });
  let opened = 0;
  const sent: Uint8Array[] = [];
  const openSocket: OpenSocket = (_url, events) => {
    opened++;
    const version = PROTOCOL_VERSION + 1;
    const challenge = {
      type: "challenge",
      version,
      hubKey: publicKeyOf(hubSecretKey),
      nonce: new Uint8Array(32),
    };
    queueMicrotask(() => events.onFrame(new FrameSender().encode(challenge)));
    return {
      send: (frame) => void sent.push(frame),
      bufferedBytes: 0,
      close: () => events.onClose("closed"),
      terminate: () => events.onClose("terminated"),
    };
  };
  const link = new Link(
    { invite: parseInvite(invite), openSocket, limits: defaultLimits },
    { onWelcome: () => {}, onMessage: () => {} },
  );
  onTestFinished(() => link.close());
  await expect(link.start()).rejects.toMatchObject({
    code: "VERSION_MISMATCH",
    message: `The hub speaks protocol ${PROTOCOL_VERSION + 1}, this program ${PROTOCOL_VERSION}`,
    hint: expect.stringContaining("http://192.0.2.7:7077/musketeers.tgz"),
  });
  await expect(link.closed).rejects.toMatchObject({ code: "VERSION_MISMATCH" });
  expect([opened, sent]).toEqual([1, []]);
});
