import { useState } from "preact/hooks";
import { mayManage, useAction, useHub } from "../hub.ts";
import { ActionButton, CopyLine, Failure } from "./basics.tsx";

const WEEK_MS = 7 * 24 * 3_600_000;

/** How a machine is added: the line itself for whoever may make invites. */
export function JoinLine() {
  const { cluster, user } = useHub();
  const [line, setLine] = useState("");
  const make = useAction(async () => {
    const { joinCommand } = await cluster.call("invite", {
      role: "worker",
      expiresInMs: WEEK_MS,
      label: "page",
    });
    setLine(joinCommand);
  });
  if (!mayManage(user)) {
    return (
      <p>
        Whoever runs this hub gets the line that adds one with <code>musketeers invite --role worker</code>.
      </p>
    );
  }
  if (line !== "") {
    return (
      <>
        <p>Paste this on a machine that has Node.js. It is good for a week.</p>
        <CopyLine text={line} label="the line that adds a worker" />
      </>
    );
  }
  return (
    <>
      <ActionButton action={make} tone="main">
        Make the line that adds one
      </ActionButton>
      <Failure text={make.failure} />
    </>
  );
}
