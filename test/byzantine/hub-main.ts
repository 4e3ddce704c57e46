import { type HubOptions, startHub } from "../../src/hub/index.ts";

/* The hub of a byzantine test. Its options come as JSON; it prints the operator's invite. */

const options = JSON.parse(process.argv[2]!) as HubOptions;
const hub = await startHub({ listen: "127.0.0.1:0", ...options });
process.once("SIGTERM", () => void hub.close());
process.stdout.write(`${JSON.stringify(hub.invite({ role: "admin" }))}\n`);
