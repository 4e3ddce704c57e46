import { expect, test } from "vitest";
import { ScheduledCluster } from "../../../test/support/scheduled-cluster.ts";
import { CANARY_BASE } from "../../protocol/index.ts";

const quorum = { agree: 2, of: 3, adaptive: false, deterministic: false };

/** People become proven by agreeing with a trusted worker. */
function proven(cluster: ScheduledCluster, ...people: string[]): void {
  for (const person of people) {
    cluster.people.set(person, { type: "person", person, streak: 10, valid: 10, bad: 0 });
  }
  cluster.restart();
}

const answered = (cluster: ScheduledCluster, job = "job") =>
  Object.fromEntries(cluster.results.get(job) ?? []);

test("an input has its result when two people agree, one of them proven", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada");
  cluster.worker("ada").worker("bob").job("job", 1, { quorum });
  const [first, second] = cluster.leasesOf("ada").length > 0 ? ["ada", "bob"] : ["bob", "ada"];
  cluster.report(first!);
  expect(cluster.results.size).toBe(0);
  cluster.report(second!);
  expect(answered(cluster)).toEqual({ 0: "right" });
  expect(cluster.accepted.get("job 0")).toBe("quorum");
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("two newcomers never confirm each other", () => {
  const cluster = new ScheduledCluster();
  cluster.worker("bob").worker("eve").job("job", 1, { quorum });
  const first = cluster.leasesOf("bob").length > 0 ? "bob" : "eve";
  cluster.report(first);
  expect(cluster.leases.size).toBe(0);
  cluster.worker("trusty", { trusted: true });
  cluster.report("trusty");
  expect(cluster.accepted.get("job 0")).toBe("trusted");
  expect(cluster.people.get(first)).toMatchObject({ streak: 1, valid: 1, bad: 0 });
});

test("two workers of one person have one vote", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada");
  cluster.worker("one", { person: "ada" }).worker("two", { person: "ada" }).job("job", 1, { quorum });
  cluster.report(cluster.leasesOf("one").length > 0 ? "one" : "two");
  expect(cluster.leases.size).toBe(0);
  cluster.worker("bob").report("bob");
  expect(answered(cluster)).toEqual({ 0: "right" });
});

test("where two differ a third decides, and the liar is known", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada", "cem");
  cluster.worker("ada").job("job", 1, { quorum }).report("ada");
  cluster.worker("eve").report("eve", { answers: () => "wrong" });
  expect(cluster.results.size).toBe(0);
  cluster.worker("cem").report("cem");
  expect(answered(cluster)).toEqual({ 0: "right" });
  expect(cluster.people.get("eve")).toMatchObject({ streak: 0, bad: 1 });
  expect(cluster.people.get("ada")).toMatchObject({ streak: 11, valid: 11, bad: 0 });
});

test("an input fails on which as many proven people as allowed differ", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada", "bob", "cem");
  cluster.job("job", 1, { quorum });
  for (const person of ["ada", "bob", "cem"]) {
    cluster.worker(person).report(person, { answers: () => `what ${person} says` });
  }
  expect(answered(cluster)).toEqual({ 0: "disputed" });
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
  expect([...cluster.people.values()].map(({ bad }) => bad)).toEqual([0, 0, 0]);
});

test("newcomers prove themselves by canaries, which are nobody's results", () => {
  const cluster = new ScheduledCluster({ provenStreakMin: 2, unitInputsMax: 1 });
  cluster.worker("ada").worker("bob");
  const canaries = ["known", "known", "known"];
  cluster.job("job", 8, { quorum, canaries });
  const answers = (input: number) => (input < CANARY_BASE ? "right" : "known");
  while (!cluster.ended.has("job")) {
    const [lease] = cluster.leases.values();
    cluster.report(lease!.worker, { lease: lease!.no, answers });
  }
  expect(cluster.results.get("job")?.size).toBe(8);
  expect(new Set(cluster.accepted.values())).toEqual(new Set(["quorum"]));
  expect([...cluster.people.values()].map(({ bad, valid }) => [bad, valid > 8])).toEqual([
    [0, true],
    [0, true],
  ]);
});

test("a canary stands before other inputs, once for each person, and unmasks who does not know the answer", () => {
  const cluster = new ScheduledCluster({ provenStreakMin: 100 });
  cluster.job("job", 50, { quorum, canaries: ["known"] });
  cluster.worker("eve", { slots: 4 });
  const met = [...cluster.leases.values()].flatMap(({ inputs }) => inputs.filter((at) => at >= CANARY_BASE));
  expect(met).toEqual([CANARY_BASE]);
  const lease = [...cluster.leases.values()].find(({ inputs }) => inputs.includes(CANARY_BASE))!;
  expect(lease.inputs.at(-1)).toBeLessThan(CANARY_BASE);
  cluster.report("eve", { lease: lease.no, answers: () => "made up" });
  expect(cluster.people.get("eve")).toMatchObject({ streak: 0, bad: 1 });
  // Whoever sends it again gains nothing.
  cluster.late("eve", lease, 0, () => "known");
  expect(cluster.people.get("eve")).toMatchObject({ streak: 0, valid: 0, bad: 1 });
});

test("who fails where others do not has told no lie, but begins anew to prove itself", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada", "bob");
  cluster
    .worker("ada")
    .job("job", 1, { quorum })
    .report("ada", { fail: { 0: "error" } });
  cluster.worker("bob").report("bob");
  cluster.worker("cem").report("cem");
  expect(answered(cluster)).toEqual({ 0: "right" });
  expect(cluster.people.get("ada")).toMatchObject({ streak: 0, valid: 10, bad: 0 });
  expect(cluster.people.get("bob")).toMatchObject({ streak: 11, bad: 0 });
});

test("people may agree that an input fails: that is its result, and counts as failed", () => {
  const cluster = new ScheduledCluster();
  proven(cluster, "ada");
  cluster
    .worker("ada")
    .job("job", 1, { quorum })
    .report("ada", { fail: { 0: "error" } });
  cluster.worker("bob").report("bob", { fail: { 0: "error" } });
  expect(answered(cluster)).toEqual({ 0: "error" });
  const results = cluster.journal.flatMap((record) => (record.type === "results" ? [record] : []));
  expect(results.map(({ failed }) => failed)).toEqual([1]);
  expect(cluster.ended.get("job")).toMatchObject({ state: "done" });
});

test("what a proven person gave alone is held back until a check passes, and runs again if one fails", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1 });
  proven(cluster, "ada", "cem");
  cluster.job("job", 200, { quorum: { ...quorum, adaptive: true } });
  cluster.worker("ada");
  // Honest until then, it lies from the first input on.
  const lies = { answers: () => "a lie" };
  while (cluster.leasesOf("ada").length > 0) cluster.report("ada", lies);
  expect(cluster.results.size).toBe(0);
  const { trust } = cluster.state.jobs.get("job")!;
  expect(trust!.provisional.count + trust!.ballots.size).toBe(200);
  for (const person of ["cem", "dan"]) cluster.worker(person);
  while (!cluster.ended.has("job")) {
    const [lease] = cluster.leases.values();
    cluster.report(lease!.worker, { lease: lease!.no, ...(lease!.worker === "ada" ? lies : {}) });
  }
  expect(new Set(cluster.results.get("job")?.values())).toEqual(new Set(["right"]));
  expect(cluster.people.get("ada")!.bad).toBeGreaterThan(0);
  expect(cluster.ended.get("job")!.trust!.rerun).toBeGreaterThan(100);
});

test("honest people who are proven cost a tenth more than one answer each at most", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1 });
  const people = ["ada", "bob", "cem", "dan"];
  proven(cluster, "ada");
  for (const person of people) cluster.worker(person);
  cluster.job("job", 4 * 150, { quorum: { ...quorum, adaptive: true } });
  while (!cluster.ended.has("job")) {
    const [lease] = cluster.leases.values();
    cluster.report(lease!.worker, { lease: lease!.no, ms: 1 });
  }
  const { replicas } = cluster.ended.get("job")!.trust!;
  expect(replicas / 600 - 1).toBeLessThan(0.1);
});

test("provenStreakMin and checkIntervalInputsMax: who was right so often is believed alone, but for one in so many", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1, checkIntervalInputsMax: 1 });
  cluster.people.set("ada", { type: "person", person: "ada", streak: 1_000, valid: 1_000, bad: 0 });
  cluster.restart().worker("ada");
  cluster.job("always checked", 20, { quorum: { ...quorum, adaptive: true } });
  for (let at = 0; at < 20; at++) cluster.report("ada");
  const { trust } = cluster.state.jobs.get("always checked")!;
  expect([trust!.ballots.size, trust!.provisional.count]).toEqual([20, 0]);
});

test("suspectBadMin and suspectBadShare: who was refuted too often gets nothing that asks for a quorum", () => {
  const cluster = new ScheduledCluster({ suspectBadMin: 3, suspectBadShare: 0.1 });
  cluster.people.set("eve", { type: "person", person: "eve", streak: 0, valid: 26, bad: 3 });
  cluster.people.set("bob", { type: "person", person: "bob", streak: 0, valid: 27, bad: 3 });
  cluster.restart().worker("eve").job("job", 9, { quorum });
  expect(cluster.leases.size).toBe(0);
  cluster.job("plain", 1);
  expect(cluster.leasesOf("eve").map(({ job }) => job)).toEqual(["plain"]);
  cluster.worker("bob");
  expect(cluster.leasesOf("bob").map(({ job }) => job)).toEqual(["job"]);
});

test("undecidedInputsMax: nothing new is begun while so many inputs wait for votes", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1, undecidedInputsMax: 4 });
  proven(cluster, "ada");
  cluster.worker("ada").job("job", 20, { quorum });
  while (cluster.leasesOf("ada").length > 0) cluster.report("ada");
  const { size } = cluster.state.jobs.get("job")!.trust!.ballots;
  expect(size).toBeGreaterThanOrEqual(4);
  expect(size).toBeLessThan(20);
  cluster.worker("bob").report("bob");
  expect(cluster.leasesOf("ada").length + cluster.leasesOf("bob").length).toBeGreaterThan(0);
});

test("who was outvoted by people who turn out to lie was not refuted", () => {
  const cluster = new ScheduledCluster({ suspectBadMin: 1, suspectBadShare: 0 });
  proven(cluster, "sam", "sue");
  const lies = { answers: () => "a lie" };
  cluster.job("job", 1, { quorum });
  for (const sleeper of ["sam", "sue"]) cluster.worker(sleeper);
  cluster.lose("sue").report("sam", lies);
  cluster.worker("ada").report("ada");
  expect(cluster.people.get("ada")).toBeUndefined();
  cluster.worker("sue").report("sue", lies);
  expect(cluster.accepted.get("job 0")).toBe("quorum");
  expect(cluster.people.get("ada")).toMatchObject({ bad: 1, accusations: [["sam", "sue"]] });
  // What is known of it survives a restart.
  cluster.restart();
  for (const [at, sleeper] of ["sam", "sue"].entries()) {
    cluster.worker(sleeper).job(`job ${at}`, 1, { quorum }).report(sleeper, lies);
    cluster.lose(sleeper).worker("notary", { trusted: true });
    expect(cluster.people.get("ada")).toMatchObject({ bad: 1 });
    cluster.report("notary").lose("notary");
  }
  expect(cluster.people.get("sam")).toMatchObject({ bad: 1 });
  expect(cluster.people.get("ada")).toMatchObject({ streak: 0, bad: 0, accusations: [] });
  cluster.worker("ada").job("another", 1, { quorum });
  expect(cluster.leasesOf("ada").length).toBe(1);
});

test("who is forgiven begins anew, at once", () => {
  const cluster = new ScheduledCluster({ suspectBadMin: 1, suspectBadShare: 0 });
  cluster.people.set("eve", { type: "person", person: "eve", streak: 0, valid: 2, bad: 3 });
  cluster.restart().worker("eve").job("job", 1, { quorum });
  expect(cluster.leases.size).toBe(0);
  cluster.send({ type: "PersonForgiven", person: "nobody" });
  cluster.send({ type: "PersonForgiven", person: "eve" });
  expect(cluster.people.get("eve")).toMatchObject({ streak: 0, valid: 2, bad: 0 });
  expect(cluster.leasesOf("eve").length).toBe(1);
});

test("of what was known before a disk was lost and what was found out since, the word that has seen more holds, and no refutation is forgotten", () => {
  const recalled = (
    now: { streak: number; valid: number; bad: number } | undefined,
    before: { streak: number; valid: number; bad: number },
  ) => {
    const cluster = new ScheduledCluster();
    if (now !== undefined) cluster.people.set("ana", { type: "person", person: "ana", ...now });
    cluster.restart().send({ type: "PersonRecalled", person: "ana", ...before, accusations: [["bob"]] });
    const { streak, valid, bad, accusations } = cluster.people.get("ana")!;
    return [streak, valid, bad, accusations?.length ?? 0];
  };
  const known = { streak: 50, valid: 90, bad: 1 };
  expect(recalled(undefined, known)).toEqual([50, 90, 1, 1]);
  expect(recalled({ streak: 3, valid: 3, bad: 1 }, known)).toEqual([50, 90, 1, 0]);
  expect(recalled({ streak: 60, valid: 100, bad: 1 }, known)).toEqual([60, 100, 1, 0]);
  // Only one of them has seen somebody lie.
  expect(recalled({ streak: 0, valid: 3, bad: 2 }, known)).toEqual([0, 90, 2, 0]);
  expect(recalled({ streak: 200, valid: 200, bad: 0 }, known)).toEqual([50, 200, 1, 1]);
});

test("while the shell may keep no more nobody begins anew, and what stands on words is checked at once", () => {
  const cluster = new ScheduledCluster({ unitInputsMax: 1 });
  proven(cluster, "ada", "bob");
  cluster.worker("ada").job("job", 100, { quorum: { ...quorum, adaptive: true } });
  for (let at = 0; at < 20; at++) cluster.report("ada");
  const { trust } = cluster.state.jobs.get("job")!;
  expect(trust!.provisional.count).toBeGreaterThan(0);
  cluster.send({ type: "CandidatesFull", full: true });
  while (cluster.leasesOf("ada").length > 0) cluster.report("ada");
  // Bob gets what is to be checked, and nothing else.
  cluster.worker("bob");
  while (cluster.leasesOf("bob").length > 0) cluster.report("bob");
  expect([trust!.provisional.count, trust!.open.count]).toEqual([0, 0]);
  const { size } = cluster.results.get("job")!;
  expect(size).toBeGreaterThan(20);
  expect(size).toBeLessThan(100);
  cluster.send({ type: "CandidatesFull", full: false });
  expect(cluster.leasesOf("ada").length + cluster.leasesOf("bob").length).toBeGreaterThan(0);
});
