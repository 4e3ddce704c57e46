import { cidOf } from "../../data/index.ts";
import { defaultLimits, type Limits } from "../../protocol/index.ts";
import { Cluster } from "../cluster.ts";
import { Session } from "../session/session.ts";
import type { LoadedTask } from "../tasks/loaded.ts";
import type { FakeHub } from "./fake-hub.ts";

const code = new TextEncoder().encode("nobody looks at this");

/** A task whose code nobody looks at. */
export const fakeTask: LoadedTask = {
  entry: "site:fake.ts#0",
  title: "fake",
  options: {},
  bundle: { cid: cidOf(code), code },
};

/** A cluster on a hub in memory. */
export async function fakeCluster(hub: FakeHub, limits: Partial<Limits> = {}): Promise<Cluster> {
  const all = { ...defaultLimits, ...limits };
  const session = new Session({
    openLink: hub.openLink,
    baseUrl: "http://hub.example",
    limits: all,
    fetch: hub.fetch,
  });
  await session.start();
  return new Cluster(
    session,
    async () => {
      throw new Error("no bundler here");
    },
    all,
  );
}
