import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { defaultLimits } from "../../protocol/index.ts";
import { Tracker } from "./tracker.ts";

const everybody = () => true;
const onlyA = (_asker: string, holder: string) => holder === "a";
const limits = { ...defaultLimits, neighbourTokenMs: 1000, neighbourRetryMs: 500 };

describe("who keeps what", () => {
  test("is what workers said last", () => {
    const tracker = new Tracker(limits, everybody);
    tracker.hold("a", "x");
    tracker.hold("a", "x");
    tracker.hold("a", "y");
    tracker.hold("b", "x");
    expect(tracker.holdersOf("x")).toEqual(["a", "b"]);
    expect(tracker.count).toBe(3);
    tracker.drop("a", "x");
    tracker.drop("nobody", "x");
    expect(tracker.holdersOf("x")).toEqual(["b"]);
    expect([...tracker.blobsOf("a")]).toEqual(["y"]);
    tracker.leave("a");
    tracker.leave("b");
    expect(tracker.holdersOf("x")).toEqual([]);
    expect(tracker.count).toBe(0);
  });

  test("holdingsMax: what was said first is forgotten", () => {
    const tracker = new Tracker({ ...limits, holdingsMax: 2 }, everybody);
    for (const cid of ["x", "y", "z"]) tracker.hold("a", cid);
    expect(["x", "y", "z"].map((cid) => tracker.keeps("a", cid))).toEqual([false, true, true]);
  });
});

describe("who is sent where", () => {
  test("of many who want one blob at once only the first goes to the hub", () => {
    const tracker = new Tracker(limits, everybody);
    const sent = Array.from({ length: 20 }, (_, index) => tracker.locate(`w${index}`, "x", true, 0)[0]);
    expect(sent[0]).toBeUndefined();
    expect(sent.slice(1).every((source) => source !== undefined)).toBe(true);
    // The tree is flat, and nobody serves many.
    const depth = (worker: string): number => {
      const source = sent[Number(worker.slice(1))];
      return source === undefined ? 1 : 1 + depth(source);
    };
    expect(Math.max(...sent.map((_, index) => depth(`w${index}`)))).toBeLessThanOrEqual(6);
    for (const source of new Set(sent.slice(1))) {
      expect(sent.filter((other) => other === source).length).toBeLessThanOrEqual(6);
    }
  });

  test("who serves nobody is nobody's source", () => {
    const reaches = (_asker: string, holder: string) => holder !== "shy";
    const tracker = new Tracker(limits, reaches);
    expect(tracker.locate("shy", "x", false, 0)).toEqual([]);
    expect(tracker.locate("a", "x", true, 0)).toEqual([]);
    expect(tracker.locate("shy", "x", false, 0)).toEqual(["a"]);
  });

  test("who asks again is sent to those only who have it, so that nobody waits for each other", () => {
    const tracker = new Tracker(limits, everybody);
    tracker.locate("a", "x", true, 0);
    expect(tracker.locate("b", "x", true, 0)).toEqual(["a"]);
    expect(tracker.locate("a", "x", true, 0)).toEqual([]);
    tracker.hold("c", "x");
    expect(tracker.locate("a", "x", true, 0)).toEqual(["c"]);
  });

  test("neighbourSourcesMax: no more are named, and who still fetches is only a first choice", () => {
    const tracker = new Tracker({ ...limits, neighbourSourcesMax: 3 }, everybody);
    for (const worker of ["a", "b", "c", "d"]) tracker.hold(worker, "x");
    expect(tracker.locate("e", "x", true, 0)).toHaveLength(3);
    const fetching = new Tracker(limits, everybody);
    fetching.locate("a", "x", true, 0);
    fetching.locate("b", "x", true, 0);
    expect(fetching.locate("c", "x", true, 0)).toHaveLength(1);
  });

  test("neighbourUploadsMax: who serves so many is spared", () => {
    const tracker = new Tracker({ ...limits, neighbourUploadsMax: 2 }, onlyA);
    tracker.hold("a", "x");
    tracker.hold("a", "y");
    const reached = [
      tracker.locate("b", "x", false, 0),
      tracker.locate("c", "y", false, 0),
      tracker.locate("d", "x", false, 0),
    ];
    expect(reached).toEqual([["a"], ["a"], []]);
    tracker.hold("b", "x");
    expect(tracker.locate("e", "y", false, 0)).toEqual(["a"]);
  });

  test("neighbourTokenMs: who has not got it by then does not count as somebody who will", () => {
    const tracker = new Tracker(limits, onlyA);
    tracker.locate("a", "x", true, 0);
    expect(tracker.locate("b", "x", false, 999)).toEqual(["a"]);
    expect(tracker.locate("c", "x", false, 1000)).toEqual([]);
    expect(tracker.count).toBe(1);
  });

  test("neighbourRetryMs: who failed somebody is not named to him for so long, but to others", () => {
    const tracker = new Tracker(limits, everybody);
    tracker.hold("a", "x");
    tracker.complain("b", "a", 0);
    expect(tracker.locate("b", "x", false, 499)).toEqual([]);
    expect(tracker.locate("c", "x", false, 499)).toEqual(["a"]);
    expect(tracker.locate("b", "x", false, 500)).toEqual(["a"]);
  });

  test("neighbourAccusersMax: whom so many complain of serves nobody for a while", () => {
    const tracker = new Tracker({ ...limits, neighbourAccusersMax: 2 }, everybody);
    tracker.hold("a", "x");
    tracker.complain("b", "a", 0);
    tracker.complain("b", "a", 10);
    tracker.complain("a", "a", 10);
    expect(tracker.locate("d", "x", false, 20)).toEqual(["a"]);
    tracker.complain("c", "a", 100);
    expect(tracker.accusersOf("a", 100)).toBe(2);
    expect(tracker.locate("d", "x", false, 100)).toEqual([]);
    expect(tracker.locate("d", "x", false, 510)).toEqual(["a"]);
  });
});

test("whatever happens: sources reach and are not avoided, waiting has no circle, loads go back to nothing", () => {
  const worker = fc.constantFrom("a", "b", "c", "d", "e");
  const cid = fc.constantFrom("x", "y");
  const action = fc.oneof(
    fc.record({ type: fc.constant("locate" as const), worker, cid }),
    fc.record({ type: fc.constant("hold" as const), worker, cid }),
    fc.record({ type: fc.constant("drop" as const), worker, cid }),
    fc.record({ type: fc.constant("leave" as const), worker }),
    fc.record({ type: fc.constant("complain" as const), worker, about: worker }),
    fc.record({ type: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 700 }) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
      const reaches = (asker: string, holder: string) => asker !== holder && holder !== "e";
      const tracker = new Tracker(limits, reaches);
      const waits = new Map<string, string>();
      let nowMs = 0;
      for (const step of actions) {
        if (step.type === "pass") nowMs += step.ms;
        if (step.type === "hold") {
          tracker.hold(step.worker, step.cid);
          waits.delete(`${step.worker} ${step.cid}`);
        }
        if (step.type === "drop") tracker.drop(step.worker, step.cid);
        if (step.type === "leave") tracker.leave(step.worker);
        if (step.type === "complain") tracker.complain(step.worker, step.about, nowMs);
        if (step.type !== "locate") continue;
        const sources = tracker.locate(step.worker, step.cid, step.worker !== "e", nowMs);
        for (const source of sources) expect(reaches(step.worker, source)).toBe(true);
        const key = `${step.worker} ${step.cid}`;
        waits.delete(key);
        const [best] = sources;
        if (best !== undefined && !tracker.keeps(best, step.cid)) waits.set(key, best);
        for (let at = best, hops = 0; at !== undefined; at = waits.get(`${at} ${step.cid}`)) {
          expect(at).not.toBe(step.worker);
          if (++hops > 5) throw new Error("a circle");
        }
      }
      for (const name of ["a", "b", "c", "d", "e"]) tracker.leave(name);
      expect(tracker.count).toBe(0);
    }),
  );
});
