import { expect, test } from "vitest";
import { eachRecord, encodeValue, packRecords } from "../../protocol/index.ts";
import { Candidates } from "./candidates.ts";

const records = (count: number, of: number) =>
  packRecords(Array.from({ length: count }, (_, at) => encodeValue(`${of} ${at} ${"x".repeat(100)}`)));

const claim = { person: "ada", label: "", seconds: 1 };

test("a block whose records are mostly of no use any more is not kept whole", () => {
  const candidates = new Candidates();
  const body = records(100, 1);
  const failures = [{ at: 90, kind: "error", fingerprint: "no" }] as const;
  candidates.keep("job", "ada", { worker: "w", ranges: [[0, 100]], failures, body, claim });
  const whole = candidates.bytes;
  candidates.drop("job", [[0, 10]]);
  expect(candidates.bytes).toBe(whole);
  candidates.drop("job", [[10, 90]]);
  expect(candidates.bytes).toBeLessThan(whole / 5);
  const [found] = candidates.find("job", "ada", [[90, 92]]);
  expect(found).toMatchObject({ ranges: [[90, 92]], failures: [{ at: 0, kind: "error" }] });
  const wanted = [...eachRecord(body)].slice(90, 92);
  expect([...eachRecord(found!.body)].map((record, at) => Buffer.compare(record, wanted[at]!))).toEqual([
    0, 0,
  ]);
  candidates.drop("job", [[90, 100]]);
  expect(candidates.bytes).toBe(0);
});

test("what is found has the failures of its own inputs only, where they stand in it", () => {
  const candidates = new Candidates();
  const failed = (at: number) => ({ at, kind: "error", fingerprint: `at ${at}` }) as const;
  const failures = [3, 5, 6, 9].map(failed);
  const kept = { worker: "w", ranges: [[20, 30]], failures, body: records(10, 1), claim } as const;
  candidates.keep("job", "ada", kept);
  const [found] = candidates.find("job", "ada", [
    [22, 24],
    [25, 26],
  ]);
  expect(found).toMatchObject({
    ranges: [
      [22, 24],
      [25, 26],
    ],
    failures: [
      { at: 1, fingerprint: "at 3" },
      { at: 2, fingerprint: "at 5" },
    ],
  });
  expect(candidates.find("job", "ada", [[27, 29]])[0]).toMatchObject({ failures: [] });
});
