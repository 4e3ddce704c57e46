/* Starts an engine and a container in it, says so, and waits to be killed: mortal-engine.ts DIRECTORY */
import { startEngine } from "./engine.ts";

const [directory = ""] = process.argv.slice(2);
const { pid } = await startEngine(directory, "own");
process.stdout.write(`${JSON.stringify({ pid })}\n`);
