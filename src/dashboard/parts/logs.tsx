import { useState } from "preact/hooks";
import type { LogLine } from "../../protocol/index.ts";
import { useAction, useHub } from "../hub.ts";
import { ActionButton, Failure, Section } from "./basics.tsx";

const LINES_SHOWN = 500;

/** What tasks printed, as far as the hub keeps it. */
export function Logs({ job }: { readonly job: string }) {
  const { cluster } = useHub();
  const [lines, setLines] = useState<readonly LogLine[]>();
  const load = useAction(async () => setLines(await cluster.call("logs", { job })));
  return (
    <Section
      title="Log"
      aside={<ActionButton action={load}>{lines === undefined ? "Show" : "Show the latest"}</ActionButton>}
    >
      <Failure text={load.failure} />
      {lines !== undefined &&
        (lines.length === 0 ? (
          <p class="empty">Its tasks have printed nothing that the hub still has.</p>
        ) : (
          // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
          <pre class="log" tabIndex={0}>
            {lines
              .slice(-LINES_SHOWN)
              .map(({ worker, line }) => `${worker}  ${line}`)
              .join("\n")}
          </pre>
        ))}
    </Section>
  );
}
