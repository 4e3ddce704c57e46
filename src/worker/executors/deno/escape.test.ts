import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FailureData } from "../../../protocol/index.ts";
import { startTest } from "../executor.contract.ts";
import type { Executor } from "../port.ts";
import { createDenoExecutor } from "./executor.ts";

const SECRET = "root:x:0:0";

for (const bubblewrap of [false, true]) {
  describe(bubblewrap ? "escape from Deno in bubblewrap" : "escape from Deno", { timeout: 60_000 }, () => {
    let executor: Executor;
    let server: Server;
    let port = 0;
    beforeAll(async () => {
      executor = await createDenoExecutor({ bubblewrap });
      server = createServer((request, response) => {
        if (request.url === "/redirect") {
          response.writeHead(302, { location: `http://localhost:${port}/` }).end();
        } else {
          response.end("inside");
        }
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      port = (server.address() as AddressInfo).port;
    }, 60_000);
    afterAll(async () => {
      await executor.close();
      await new Promise((resolve) => server.close(resolve));
    });

    const attempt = async (code: string, net: readonly string[] = []): Promise<unknown> => {
      const test = startTest(executor, code, { net, timeoutMs: 10_000 });
      try {
        return await test.call(0);
      } finally {
        await test.sandbox.kill();
      }
    };
    const refused = async (code: string, net?: readonly string[]): Promise<string> => {
      const outcome = await attempt(code, net).then(
        (value) => ({ value }),
        (failure: FailureData | Error) => failure,
      );
      expect(outcome).not.toHaveProperty("value");
      const { message: text, stack } = outcome as FailureData;
      const message = `${text}\n${stack}`;
      expect(message).not.toContain(SECRET);
      // A sandbox that does not even start would refuse everything.
      expect(message).not.toMatch(/ended with status 1:/);
      return message;
    };
    const fetching = (url: string) =>
      `export const main = async () => (await fetch(${JSON.stringify(url)})).text()`;

    it("reaches an address that is granted literally, and only with a grant", async () => {
      expect(await attempt(fetching(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port}`])).toBe("inside");
      expect(await attempt(fetching(`http://localhost:${port}/`), [`localhost:${port}`])).toBe("inside");
      expect(await refused(fetching(`http://127.0.0.1:${port}/`))).toMatch(/net access/i);
      await refused(fetching(`http://127.0.0.1:${port}/`), [`127.0.0.1:${port === 1 ? 2 : 1}`]);
      await refused(fetching(`http://127.0.0.2:${port}/`), [`127.0.0.1:${port}`]);
    });

    it("does not follow a granted name to loopback", async () => {
      expect(await refused(fetching(`http://${hostname()}:${port}/`), [hostname()])).toMatch(/net access/i);
      await refused(
        `export const main = async () => { await Deno.connect({ hostname: "${hostname()}", port: ${port} }); return "connected" }`,
        [hostname()],
      );
      await refused(
        `import net from "node:net"; export const main = () => new Promise((done, fail) =>
          net.connect(${port}, "${hostname()}").once("connect", () => done("connected")).once("error", fail))`,
        [hostname()],
      );
    });

    it("reaches no loopback under a grant of everything, whatever its form", async () => {
      for (const host of [
        "127.0.0.1",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0.0.0.0",
        "0x7f.1",
        "2130706433",
      ]) {
        expect(await refused(fetching(`http://${host}:${port}/`), ["*"]), host).toMatch(/net access/i);
      }
      await refused(fetching("http://169.254.169.254/latest/meta-data/"), ["*"]);
    });

    it("follows no redirect to what is not granted", async () => {
      await refused(fetching(`http://127.0.0.1:${port}/redirect`), [`127.0.0.1:${port}`]);
    });

    it("refuses a grant that would be two", async () => {
      expect(() => startTest(executor, "", { net: ["example.org,127.0.0.1"] })).toThrow("No host");
    });

    it("survives garbage on stdout", async () => {
      for (const bytes of [
        "[1, 2, 3]",
        "[255, 255, 255, 255, 255]",
        "[6, 0, 0, 0, 17, 1, 0, 0, 0, 0]",
        "[1, 0, 0, 0, 99]",
      ]) {
        const code = `export const main = () => { Deno.stdout.writeSync(new Uint8Array(${bytes})); return 1 }`;
        expect(await refused(code)).toMatch(/crash: .*protocol of its sandbox/);
      }
    });

    it("survives results that nobody asked for, and forged ones", async () => {
      const frame = (count: number, block: readonly number[]) => {
        const payload = [count, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...block];
        return JSON.stringify([payload.length + 1, 0, 0, 0, 17, ...payload]);
      };
      const forged = [frame(9, []), frame(1, []), frame(1, [200]), frame(1, [3, 0xd8, 42, 0])];
      for (const bytes of forged) {
        const code = `export const main = () => { Deno.stdout.writeSync(new Uint8Array(${bytes})); for (;;); }`;
        expect(await refused(code)).toMatch(/crash: .*protocol of its sandbox/);
      }
    });

    it("survives a flood of output", async () => {
      const code = `export const main = () => { const junk = new Uint8Array(1 << 20); for (;;) Deno.stdout.writeSync(junk) }`;
      expect(await refused(code)).toMatch(/^crash/);
    });
  });
}
