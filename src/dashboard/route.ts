import { useEffect, useState } from "preact/hooks";

/** Where the reader is: `#/job/ID`. What stands behind `#` without a slash is an invite's secret. */
export interface Route {
  readonly page: string;
  readonly of: string;
}

export const pathOf = (page: string, of = ""): string =>
  `#/${page}${of === "" ? "" : `/${encodeURIComponent(of)}`}`;

export function routeOf(hash: string): Route {
  const [, page = "", of = ""] = hash.split("/");
  return { page: page === "" ? "overview" : page, of: safelyDecoded(of) };
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const changed = () => setRoute(routeOf(location.hash));
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
