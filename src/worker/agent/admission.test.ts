import { expect, test } from "vitest";
import { CONTAINER_CAPABILITY, CONTAINER_ENTRY, type TaskSpec } from "../../protocol/index.ts";
import { type Asks, type Consent, imagesIn } from "../consent/index.ts";
import { FakeHub, fakeDescription, fakeTask } from "../testing/fake-hub.ts";
import { Admission, type Refusal } from "./admission.ts";

const image = (digit: string) => `lab/tables@sha256:${digit.repeat(64)}`;

function admission(granted?: Asks, containers?: readonly string[]) {
  const questions: Asks[] = [];
  const refusals: Refusal[] = [];
  const consent: Consent | undefined = granted && {
    granted,
    onChange: () => {},
    ask: ({ net, memoryBytes, images = [] }) =>
      void questions.push({ net, memoryBytes, ...imagesIn(images) }),
  };
  const subject = new Admission({
    invite: new FakeHub().invite,
    description: {
      ...fakeDescription,
      allowNet: ["a.org"],
      memoryBytes: 1000,
      ...(containers === undefined ? {} : { allowImages: containers, capabilities: [CONTAINER_CAPABILITY] }),
    },
    ...(consent === undefined ? {} : { consent }),
    nowMs: () => 0,
    onRefused: (refusal) => refusals.push(refusal),
  });
  return { subject, questions, refusals };
}

const codeOf = (subject: Admission, change: Partial<TaskSpec>): string => {
  try {
    subject.admit({ ...fakeTask, ...change });
    return "admitted";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

test("without anybody to ask, flags are the last word", () => {
  const { subject, refusals } = admission();
  expect(codeOf(subject, { net: ["a.org"], memoryBytes: 1000 })).toBe("admitted");
  expect(codeOf(subject, { net: ["b.org"] })).toBe("GRANT_REFUSED");
  expect(codeOf(subject, { memoryBytes: 1001 })).toBe("GRANT_REFUSED");
  expect(refusals.map(({ task, code }) => [task, code])).toEqual([
    ["f", "GRANT_REFUSED"],
    ["f", "GRANT_REFUSED"],
  ]);
});

test("what is not granted is asked for, and does not run", () => {
  const { subject, questions } = admission({ net: ["b.org"], memoryBytes: 500 });
  expect(subject.describe()).toMatchObject({ allowNet: ["a.org", "b.org"], memoryBytes: 500 });
  expect(codeOf(subject, { net: ["a.org", "b.org"], memoryBytes: 500 })).toBe("admitted");
  expect(codeOf(subject, { net: ["a.org", "c.org"] })).toBe("CONSENT_NEEDED");
  expect(codeOf(subject, { memoryBytes: 600 })).toBe("CONSENT_NEEDED");
  expect(questions).toEqual([
    { net: ["c.org"], memoryBytes: 0 },
    { net: [], memoryBytes: 600 },
  ]);
  // What the machine has not got, or its owner's --memory does not give, nobody can grant.
  expect(codeOf(subject, { memoryBytes: 1001 })).toBe("GRANT_REFUSED");
});

test("a hub is told that the volunteer was asked, and only then", () => {
  const { subject, questions } = admission({ net: [], memoryBytes: 0 });
  const ask = (change: Partial<TaskSpec>) =>
    subject.asked({ type: "ask", job: "j", task: { ...fakeTask, ...change } });
  expect(ask({ net: ["a.org"] })).toBe(false);
  expect(ask({ memoryBytes: 1001 })).toBe(false);
  expect(ask({ net: ["c.org"] })).toBe(true);
  expect(questions).toHaveLength(1);
});

test("containers run of images that flags allow or the volunteer has granted; others are asked for", () => {
  const boxed = (digit: string, net: string[] = []) => ({ entry: CONTAINER_ENTRY, image: image(digit), net });
  const { subject, questions } = admission({ net: [], memoryBytes: 0, images: [image("a")] }, [image("b")]);
  expect(subject.describe().allowImages).toEqual([image("b"), image("a")]);
  expect(codeOf(subject, boxed("a"))).toBe("admitted");
  expect(codeOf(subject, boxed("b", ["a.org"]))).toBe("admitted");
  // With it comes all of the network that it would have, granted before or not.
  expect(codeOf(subject, boxed("c", ["a.org"]))).toBe("CONSENT_NEEDED");
  expect(questions).toEqual([{ net: ["a.org"], memoryBytes: 0, images: [image("c")] }]);
  expect(codeOf(subject, { entry: CONTAINER_ENTRY })).toBe("INVALID_DATA");
});

test("who runs no containers, or can ask nobody, refuses them", () => {
  const boxed = { entry: CONTAINER_ENTRY, image: image("a") };
  const none = admission({ net: [], memoryBytes: 0, images: [image("a")] });
  expect(codeOf(none.subject, boxed)).toBe("GRANT_REFUSED");
  expect(none.subject.describe()).not.toHaveProperty("allowImages");
  const silent = admission(undefined, ["lab/other"]);
  expect(codeOf(silent.subject, boxed)).toBe("GRANT_REFUSED");
  expect(() => silent.subject.admit({ ...fakeTask, ...boxed })).toThrow(
    expect.objectContaining({ hint: expect.stringContaining("--allow-containers") }),
  );
  expect(codeOf(admission(undefined, ["*"]).subject, boxed)).toBe("admitted");
});
