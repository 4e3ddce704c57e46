import { useLayoutEffect, useRef } from "preact/hooks";
import type { LogLine } from "../../protocol/index.ts";
import { plural } from "../format.ts";
import { rowsOf, useTopic } from "../hub.ts";
import { Section, Waiting } from "./basics.tsx";

/** So near to the end counts as being there. */
const NEAR_END_PX = 24;

/** Lines that go on: whoever reads the end is kept there, whoever reads above is left alone. */
function Lines({ lines }: { readonly lines: readonly LogLine[] }) {
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  const last = lines.at(-1);
  useLayoutEffect(() => {
    if (atEnd.current && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [last, lines.length]);
  const scrolled = ({
    currentTarget: { scrollTop, clientHeight, scrollHeight },
  }: {
    currentTarget: HTMLElement;
  }) => {
    atEnd.current = scrollTop + clientHeight > scrollHeight - NEAR_END_PX;
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard
    <pre ref={box} class="log" tabIndex={0} onScroll={scrolled}>
      {lines.map(({ worker, line }) => `${worker}  ${line}`).join("\n")}
    </pre>
  );
}

/** What tasks print, as it comes, as far as the hub keeps it. */
export function Logs({ job }: { readonly job: string }) {
  const followed = useTopic("log", job);
  const lines = rowsOf<LogLine>(followed.state, "lines");
  return (
    <Section
      title="Log"
      aside={
        <span class="quiet">{lines.length === 0 ? "" : `the latest ${plural(lines.length, "line")}`}</span>
      }
    >
      {followed.state === undefined ? (
        <Waiting followed={followed} />
      ) : lines.length === 0 ? (
        <p class="empty">Its tasks have printed nothing that the hub still has.</p>
      ) : (
        <Lines lines={lines} />
      )}
    </Section>
  );
}
