import { startHub } from "../../dist/hub/index.js";

/*
 * A hub in a process of its own, to be killed. Its options come as JSON; it prints where it is. It is the built one:
 * reading TypeScript would take each start a second more.
 */

const options = JSON.parse(process.argv[2]);
const hub = await startHub(options);
process.stdout.write(
  `${JSON.stringify({
    url: hub.url,
    worker: hub.invite({ role: "worker" }),
    submitter: hub.invite({ role: "submitter" }),
    viewer: hub.invite({ role: "viewer" }),
  })}\n`,
);
