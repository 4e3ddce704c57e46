import { describe, expect, test } from "vitest";
import { MusketeersError } from "../protocol/index.ts";
import { Presence } from "./presence.ts";

const broken = new Error("the connection broke");

describe("what goes beside a connection", () => {
  test("waits for the first one, and is given its token", async () => {
    const presence = new Presence();
    const tokens: string[] = [];
    const done = presence.persist(async () => tokens.push(presence.token));
    expect(tokens).toEqual([]);
    presence.up("one");
    expect(await done).toBe(1);
    expect(tokens).toEqual(["one"]);
  });

  test("has no token for a request that leaves while there is none: somebody else may answer at the address", () => {
    const presence = new Presence();
    expect(() => presence.provenToken()).toThrow(expect.objectContaining({ code: "HUB_UNREACHABLE" }));
    presence.up("one");
    expect(presence.provenToken()).toBe("one");
    presence.down();
    expect(() => presence.provenToken()).toThrow(expect.objectContaining({ retryable: true }));
  });

  test("is tried again on the next one where it broke with it", async () => {
    const presence = new Presence();
    presence.up("one");
    const tokens: string[] = [];
    const done = presence.persist(async () => {
      tokens.push(presence.token);
      if (tokens.length === 1) {
        presence.down();
        throw broken;
      }
      if (tokens.length === 2) {
        // The next connection is there before this one's failure.
        presence.down();
        presence.up("three");
        throw broken;
      }
      return "done";
    });
    await expect.poll(() => tokens).toEqual(["one"]);
    presence.up("two");
    expect(await done).toBe("done");
    expect(tokens).toEqual(["one", "two", "three"]);
  });

  test("asks for another connection where the hub does not know the one there is, so many times", async () => {
    const unknown = new MusketeersError("UNAUTHORIZED", "No live connection has this token");
    let connections = 0;
    const presence: Presence = new Presence(() => queueMicrotask(() => presence.up(`${++connections}`)));
    presence.up("lost");
    const tokens: string[] = [];
    const attempt = async () => {
      tokens.push(presence.token);
      if (tokens.length < 3) throw unknown;
      return "done";
    };
    expect(await presence.persist(attempt)).toBe("done");
    expect(tokens).toEqual(["lost", "1", "2"]);
    await expect(presence.persist(() => Promise.reject(unknown))).rejects.toBe(unknown);
    expect(connections).toBe(4);
  });

  test("fails where the connection is not to blame", async () => {
    const presence = new Presence();
    presence.up("one");
    await expect(presence.persist(() => Promise.reject(broken))).rejects.toBe(broken);
  });

  test("ends with the last one, and with its signal", async () => {
    const presence = new Presence();
    const abort = new AbortController();
    const aborted = presence.persist(async () => "never", abort.signal);
    abort.abort(broken);
    await expect(aborted).rejects.toBe(broken);
    await expect(presence.persist(async () => "never", abort.signal)).rejects.toBe(broken);
    const waiting = presence.persist(async () => "never");
    presence.end();
    await expect(waiting).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
    presence.up("too late");
    await expect(presence.persist(async () => "never")).rejects.toMatchObject({ code: "HUB_UNREACHABLE" });
  });
});
