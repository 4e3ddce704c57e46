import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Failure } from "./basics.tsx";

/** A component that is loaded when it is shown first, so that the first page is small. */
export function later<Props extends object>(load: () => Promise<ComponentType<Props>>): ComponentType<Props> {
  let loaded: ComponentType<Props> | undefined;
  return function Later(props: Props) {
    const [, redraw] = useState(false);
    const [failure, setFailure] = useState("");
    useEffect(() => {
      if (loaded !== undefined) return;
      load().then(
        (component) => {
          loaded = component;
          redraw(true);
        },
        () => setFailure("The hub did not give the rest of this page. Reload it when the hub answers again."),
      );
    }, []);
    const Component = loaded;
    if (failure !== "") return <Failure text={failure} />;
    return Component === undefined ? <p class="quiet">Loading …</p> : <Component {...props} />;
  };
}
