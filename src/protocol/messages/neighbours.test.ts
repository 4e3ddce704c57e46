import { expect, test } from "vitest";
import { defaultLimits } from "../default-limits.ts";
import { parseHubMessage, parsePeerMessage } from "./index.ts";

const whereabouts = {
  type: "whereabouts",
  places: [{ network: "192.168.0.0/24", address: "192.168.0.5" }],
  port: 7_078,
  key: new Uint8Array(32),
  nowMs: 12.5,
};
const hint = { worker: "w", address: "192.168.0.5", port: 7_078, token: "9.ab" };

test("what workers and hub say of neighbours is taken as it is", () => {
  const faults = [{ worker: "w", fault: "wrong" }];
  for (const message of [
    whereabouts,
    { type: "holds", add: ["x"], drop: [] },
    { type: "locate", call: 1, cids: ["x", "y"], faults },
  ]) {
    expect(parsePeerMessage(message)).toEqual(message);
  }
  for (const message of [
    { type: "located", call: 1, sources: [[hint, hint], []] },
    { type: "near", anyone: true },
    { type: "forget", cids: ["x", "y"] },
  ]) {
    expect(parseHubMessage(message)).toEqual(message);
  }
});

test.each([
  { ...whereabouts, port: 65_536 },
  { ...whereabouts, places: [{ network: "x" }] },
  { ...whereabouts, places: Array.from({ length: 65 }, () => whereabouts.places[0]) },
  { ...whereabouts, key: new Uint8Array(65) },
  { type: "holds", add: "x", drop: [] },
  { type: "holds", add: ["x".repeat(129)], drop: [] },
  { type: "locate", call: 1, cids: [], faults: [{ worker: "w", fault: "ugly" }] },
])("a wrong word of a worker's is refused: %j", (message) => {
  expect(() => parsePeerMessage(message)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
});

test.each([
  { type: "located", call: 1, sources: [hint] },
  { type: "located", call: 1, sources: [[{ ...hint, port: 0 }]] },
  { type: "located", call: 1, sources: [Array.from({ length: 17 }, () => hint)] },
  { type: "near", anyone: 1 },
  { type: "forget", cids: [1] },
])("a wrong word of a hub's is refused: %j", (message) => {
  expect(() => parseHubMessage(message)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
});

test("locateBlobsMax: a message that names more is refused", () => {
  const cids = Array.from({ length: defaultLimits.locateBlobsMax }, () => "x");
  expect(parsePeerMessage({ type: "locate", call: 1, cids, faults: [] })).toMatchObject({ cids });
  const more = [...cids, "x"];
  for (const message of [
    { type: "locate", call: 1, cids: more, faults: [] },
    { type: "holds", add: more, drop: [] },
    { type: "holds", add: [], drop: more },
  ]) {
    expect(() => parsePeerMessage(message)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
  }
  const forget = { type: "forget", cids: more };
  expect(() => parseHubMessage(forget)).toThrow(expect.objectContaining({ code: "PROTOCOL" }));
});
