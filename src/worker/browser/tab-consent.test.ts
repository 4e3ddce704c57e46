import { expect, test } from "vitest";
import { noAsks } from "../consent/asks.ts";
import { TabConsent } from "./tab-consent.ts";

/** What a browser keeps, for as long as the test. */
function fakeStore() {
  const kept = new Map<string, unknown>();
  return {
    kept,
    get: async (key: string) => kept.get(key),
    set: async (key: string, value: unknown) => void kept.set(key, structuredClone(value)),
  };
}

function make(store = fakeStore(), of = "root 12 default") {
  let told = 0;
  const consent = new TabConsent({
    of,
    store,
    permits: async (host) => !host.startsWith("closed."),
    requestsMax: 2,
    onRequests: () => told++,
  });
  return { consent, store, told: () => told };
}

const question = (net: string[], memoryBytes = 0) => ({ task: "t", submitter: "ana", net, memoryBytes });

test("what was agreed to is kept for the project, and for no other", async () => {
  const { consent, store } = make();
  await consent.start({ net: ["a.example"], memoryBytes: 0 });
  await consent.grant({ net: ["b.example"], memoryBytes: 0 });
  const again = make(store).consent;
  await again.start(noAsks);
  expect(again.granted.net.toSorted()).toEqual(["a.example", "b.example"]);
  const other = make(store, "root 34 default").consent;
  await other.start(noAsks);
  expect(other.granted).toEqual(noAsks);
});

test("hosts that let no page read are not offered, and not asked for again", async () => {
  const { consent } = make();
  let changes = 0;
  consent.onChange = () => changes++;
  await consent.start(noAsks);
  consent.ask(question(["closed.example"]));
  expect(consent.requests).toHaveLength(1);
  await consent.grant({ net: ["closed.example", "a.example"], memoryBytes: 0 });
  expect(consent.granted.net).toEqual(["a.example"]);
  expect(changes).toBe(1);
  consent.ask(question(["closed.example"]));
  expect(consent.requests).toEqual([]);
});

test("each question is put once, the oldest are dropped, and a grant answers those that it covers", async () => {
  const { consent, told } = make();
  await consent.start(noAsks);
  consent.ask(question(["a.example"]));
  consent.ask(question(["a.example"]));
  expect(told()).toBe(1);
  consent.ask(question(["b.example"]));
  consent.ask(question(["c.example"]));
  expect(consent.requests.map(({ net }) => net[0])).toEqual(["b.example", "c.example"]);
  await consent.grant({ net: ["b.example"], memoryBytes: 0 });
  expect(consent.requests.map(({ net }) => net[0])).toEqual(["c.example"]);
});

test("what a browser kept that is no consent counts as none", async () => {
  const { consent, store } = make();
  store.kept.set("consent root 12 default", { net: "everything" });
  await consent.start(noAsks);
  expect(consent.granted).toEqual(noAsks);
});
