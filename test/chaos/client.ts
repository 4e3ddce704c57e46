import { type Cluster, connect } from "../../src/client/index.ts";
import { largeInput, outcomeLine } from "./answers.ts";
import type { Assignment, ClientBrief, ClientLine } from "./assignment.ts";
import { cheap, failing, flaky, hungry, large, slow } from "./tasks.ts";

/* A program that uses the SDK. Its brief comes as JSON; it prints what came of each input, one a line. */

const tasks = { cheap, failing, flaky, hungry, large, slow };
const brief = JSON.parse(process.argv[2]!) as ClientBrief;
const say = (line: ClientLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

function* inputsOf({ task, name, count }: Assignment) {
  for (let n = 0; n < count; n++) {
    yield { n, url: `${brief.siteUrl}/${name}`, text: task === "large" ? largeInput(n) : "" };
  }
}

async function map(cluster: Cluster, assignment: Assignment): Promise<void> {
  const { ordered, name } = assignment;
  const window = Math.max(8, assignment.count >> 1);
  const results = cluster.map(tasks[assignment.task], inputsOf(assignment), { ordered, window });
  for await (const outcome of results) say(outcomeLine(name, outcome));
}

async function submit(cluster: Cluster, assignment: Assignment): Promise<void> {
  const { name, ordered } = assignment;
  let id = brief.jobs[name];
  if (id === undefined) {
    const net = assignment.task === "flaky" ? { net: [new URL(brief.siteUrl).host] } : {};
    id = (await cluster.submit(tasks[assignment.task], inputsOf(assignment), net)).id;
    say({ type: "submitted", name, job: id });
  }
  for await (const outcome of cluster.job(id).results({ ordered })) say(outcomeLine(name, outcome));
}

const cluster = await connect({ hub: brief.invite, timeout: "forever" });
await Promise.all(
  brief.assignments.map(async (assignment) => {
    const { name, way } = assignment;
    try {
      await (way === "map" ? map : submit)(cluster, assignment);
      say({ type: "ended", name });
    } catch (error) {
      say({ type: "failed", name, message: String(error) });
    }
  }),
);
await cluster.close();
