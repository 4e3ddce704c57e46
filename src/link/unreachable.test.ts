import { expect, test } from "vitest";
import { unreachableHint } from "./unreachable.ts";

test("what to look at follows from what the system says", () => {
  const lan = "http://192.168.0.5:7077";
  expect(unreachableHint("http://127.0.0.1:7077", "connect ECONNREFUSED 127.0.0.1:7077")).toContain("--lan");
  expect(unreachableHint("http://[::1]:7077", "connect ECONNREFUSED ::1:7077")).toContain("--lan");
  expect(unreachableHint(lan, "connect ECONNREFUSED 192.168.0.5:7077")).toContain("listens on port 7077");
  expect(unreachableHint("https://hub.example", "connect ECONNREFUSED 10.0.0.1:443")).toContain("port 443");
  expect(unreachableHint("http://hub.lan:1", "getaddrinfo ENOTFOUND hub.lan")).toContain("hub.lan");
  expect(unreachableHint(lan, "connect EHOSTUNREACH 192.168.0.5:7077")).toContain("firewall");
  expect(unreachableHint(lan, "Opening handshake has timed out")).toContain("firewall");
  expect(unreachableHint(lan, "closed (1006)")).toBeUndefined();
});
