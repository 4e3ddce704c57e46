import { expect, test } from "vitest";
import { seededRandom } from "../src/simulator/index.ts";
import { faultOf } from "./fuzz/decoders.ts";
import { fuzz } from "./fuzz/fuzz.ts";
import { mutant } from "./fuzz/mutate.ts";

/* `npm run fuzz` with a small budget; the whole one is run beside the tests. */

test("wrong frames crash no decoder and no hub, and nobody else notices", { timeout: 300_000 }, async () => {
  const { notes, crashes, otherConnectionsDisturbed } = await fuzz({ frames: 10_000, seed: 11 });
  expect({ notes, crashes, otherConnectionsDisturbed }).toEqual({
    notes: [],
    crashes: 0,
    otherConnectionsDisturbed: 0,
  });
});

test("a decoder that throws what has no code is found, and shown what it threw at", async () => {
  const sample = new Uint8Array([1, 2, 3]);
  const decoder = {
    name: "trusting",
    samples: [sample],
    decode: (bytes: Uint8Array) => {
      if (bytes.length < 3) throw new TypeError("there is no third byte");
    },
  };
  const random = seededRandom(1);
  const mutants = Array.from({ length: 200 }, () => mutant([sample], random));
  const found = await Promise.all(mutants.map((bytes) => faultOf(decoder, bytes)));
  expect(found).toContain("TypeError: there is no third byte");
  expect(found).toContain(undefined);
});
