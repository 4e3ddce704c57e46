import { expect, test } from "vitest";
import { quoteWord, renderUnit } from "./unit.ts";

/* What a unit says; that systemd takes it is tried in test/service.test.ts. */

test("words reach the program as they are", () => {
  expect(
    ["--slots", "a b", 'say "hi"', "50%", "$HOME", "back\\slash", "", "two\nlines"].map(quoteWord),
  ).toEqual([
    "--slots",
    '"a b"',
    '"say \\"hi\\""',
    "50%%",
    '"$$HOME"',
    '"back\\\\slash"',
    '""',
    '"two\\nlines"',
  ]);
});

const about = {
  description: "musketeers\nworker 100%",
  command: ["/usr/bin/node", "/opt/my programs/main.js", "join"],
  environment: { MUSKETEERS_HOME: "/srv/a $b" },
  writable: ["/srv/ana/.config/musketeers"],
};

test("a worker comes last on its machine, a hub does not; both may write to their folders only", () => {
  const worker = renderUnit({ ...about, kind: "worker" });
  expect(worker).toContain("Description=musketeers worker 100%%\n");
  expect(worker).toContain('ExecStart=/usr/bin/node "/opt/my programs/main.js" join\n');
  expect(worker).toContain('Environment="MUSKETEERS_HOME=/srv/a $b"\n');
  expect(worker).toContain('ReadWritePaths="/srv/ana/.config/musketeers"\n');
  expect(worker).toContain("ProtectSystem=strict");
  expect(worker).toContain("CPUSchedulingPolicy=idle");
  expect(renderUnit({ ...about, kind: "hub" })).not.toContain("idle");
});
