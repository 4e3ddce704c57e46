import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import type { Command } from "commander";
import { MusketeersError } from "../../protocol/index.ts";
import { type Context, type JsonOption, jsonOption, withExamples } from "../context.ts";
import { type RunningNote, readNotes } from "../files/running-note.ts";
import { jsonLine } from "../render/json.ts";

const ANSWER_TIMEOUT_MS = 5_000;

/** What a hub of this machine says is wrong with it; undefined where it is ready. */
function askHub({ port = 0, tls = false }: RunningNote): Promise<string | undefined> {
  // Whether it is the right one is not asked here, only whether it answers.
  const where = { host: "127.0.0.1", port, path: "/readyz", timeout: ANSWER_TIMEOUT_MS, agent: false };
  return new Promise((resolve) => {
    const request = tls ? requestTls({ ...where, rejectUnauthorized: false }) : requestPlain(where);
    request.once("timeout", () => request.destroy(new Error("no answer")));
    request.once("error", (error) => resolve(`the hub does not answer: ${error.message}`));
    request.once("response", (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.once("end", () => resolve(response.statusCode === 200 ? undefined : text.trim()));
    });
    request.end();
  });
}

async function health({ json }: JsonOption, { terminal, outStyle }: Context): Promise<void> {
  const notes = await readNotes(terminal.env);
  if (notes.length === 0) {
    throw new MusketeersError("NO_HUB", "No hub and no worker runs here", {
      hint: "Start one with `musketeers up` or `musketeers join`, as this user and with the same MUSKETEERS_HOME.",
    });
  }
  const found = await Promise.all(
    notes.map(async (note) => {
      const trouble = note.kind === "hub" ? await askHub(note) : note.trouble;
      return trouble === undefined ? { kind: note.kind } : { kind: note.kind, trouble };
    }),
  );
  for (const each of found) {
    const { kind, trouble } = each as { kind: string; trouble?: string };
    if (json) terminal.out(jsonLine(each));
    else terminal.out(`${kind}: ${trouble === undefined ? outStyle.good("well") : outStyle.bad(trouble)}\n`);
  }
  const troubles = found.flatMap(({ trouble }) => trouble ?? []);
  if (troubles.length > 0) throw new MusketeersError("HUB_UNREACHABLE", troubles.join("; "));
}

export function addHealth(program: Command, context: Context): void {
  const command = program
    .command("health")
    .addOption(jsonOption())
    .action((options: JsonOption) => health(options, context));
  withExamples(command, ["musketeers health", "exits with 0 where they are; containers are asked by it"]);
}
