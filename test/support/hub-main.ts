import { type HubOptions, startHub } from "../../src/hub/index.ts";

/* A hub in a process of its own, to be killed. Its options come as JSON; it prints where it is. */

const options = JSON.parse(process.argv[2]!) as HubOptions;
const hub = await startHub(options);
process.stdout.write(
  `${JSON.stringify({
    url: hub.url,
    worker: hub.invite({ role: "worker" }),
    submitter: hub.invite({ role: "submitter" }),
    viewer: hub.invite({ role: "viewer" }),
  })}\n`,
);
