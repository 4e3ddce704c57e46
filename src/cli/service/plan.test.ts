import { expect, test } from "vitest";
import { planService } from "./plan.ts";

const about = { node: "/usr/bin/node", program: "/opt/main.js", args: [], description: "d" };
const env = { MUSKETEERS_HOME: "/srv/ana" };

test("a worker's temporary files are where an engine of containers finds them, and not in the unit's own /tmp", () => {
  const { unit, folders } = planService({ ...about, kind: "worker", env });
  const temporary = /^Environment=TMPDIR=(.*)$/m.exec(unit)?.[1];
  expect(temporary).toMatch(/^\/srv\/ana\/.*tmp$/);
  expect(folders).toContain(temporary);
  expect(unit).toMatch(new RegExp(`^ReadWritePaths=.*"${temporary}"`, "m"));
  expect(planService({ ...about, kind: "hub", env }).unit).not.toContain("TMPDIR");
});
