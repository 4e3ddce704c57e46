import type { ComponentType } from "preact";
import { signOut } from "../client/browser.ts";
import { useHub } from "./hub.ts";
import { DataPage } from "./pages/data.tsx";
import { JobPage } from "./pages/job.tsx";
import { JobsPage } from "./pages/jobs.tsx";
import { OverviewPage } from "./pages/overview.tsx";
import { PeoplePage } from "./pages/people.tsx";
import { ResourcesPage } from "./pages/resources.tsx";
import { WorkerPage } from "./pages/worker.tsx";
import { WorkersPage } from "./pages/workers.tsx";
import { later } from "./parts/later.tsx";
import { pathOf, useRoute } from "./route.ts";

const PicturePage = later(() => import("./pages/picture.tsx").then((module) => module.PicturePage));

interface Entry {
  readonly page: string;
  readonly title: string;
  readonly component: ComponentType<{ readonly of: string }>;
  /** Shown in the list of pages under the page of this name. */
  readonly under?: string;
}

const entries: readonly Entry[] = [
  { page: "overview", title: "Overview", component: OverviewPage },
  { page: "jobs", title: "Jobs", component: JobsPage },
  { page: "job", title: "Job", component: JobPage, under: "jobs" },
  { page: "picture", title: "Picture", component: PicturePage, under: "jobs" },
  { page: "workers", title: "Workers", component: WorkersPage },
  { page: "worker", title: "Worker", component: WorkerPage, under: "workers" },
  { page: "resources", title: "Resources", component: ResourcesPage },
  { page: "data", title: "Data", component: DataPage },
  { page: "people", title: "People", component: PeoplePage },
];

function SignOut() {
  const { user } = useHub();
  const leave = () => {
    const reload = () => location.reload();
    signOut().then(reload, reload);
  };
  return (
    <div class="whoami">
      <span>
        {user.label === "" ? "Signed in" : user.label} · {user.role}
      </span>
      <button type="button" class="link" onClick={leave}>
        Sign out
      </button>
    </div>
  );
}

/** Navigation around the page that the reader is on. */
export function Shell({ down }: { readonly down: boolean }) {
  const { cluster } = useHub();
  const { page, of } = useRoute();
  const here = entries.find((entry) => entry.page === page) ?? entries[0]!;
  const Page = here.component;
  document.title = `${here.title} · ${cluster.hub} · Musketeers`;
  const shown = entries.filter(({ under }) => under === undefined);
  const skip = () => document.getElementById("content")?.focus();
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skip}>
        Skip to the content
      </button>
      <header class="side">
        <a class="brand" href={pathOf("overview")}>
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M6 6l20 20M26 6L6 26M16 3v26" />
            <circle cx="16" cy="16" r="4" />
          </svg>
          <span>{cluster.hub}</span>
        </a>
        <nav aria-label="Pages">
          {shown.map((entry) => (
            <a
              key={entry.page}
              href={pathOf(entry.page)}
              aria-current={
                entry.page === here.page ? "page" : entry.page === here.under ? "true" : undefined
              }
            >
              {entry.title}
            </a>
          ))}
        </nav>
        <SignOut />
      </header>
      <main id="content" tabIndex={-1}>
        <p class="connection" role="status">
          {down ? "The hub does not answer; trying again …" : ""}
        </p>
        <Page key={`${here.page} ${of}`} of={of} />
      </main>
    </div>
  );
}
