/** The page without an invite, or with one that does not serve. */
export function Welcome({ reason }: { readonly reason: string }) {
  return (
    <main class="welcome">
      <svg viewBox="0 0 32 32" aria-hidden="true">
        <path d="M6 6l20 20M26 6L6 26M16 3v26" />
        <circle cx="16" cy="16" r="4" />
      </svg>
      <h1>One for all, all for one</h1>
      {reason === "" ? (
        <p>To look at this cluster you need an invite.</p>
      ) : (
        <p class="failure" role="alert">
          {reason}
        </p>
      )}
      <p class="quiet">
        Whoever runs this hub makes a link with <code>musketeers invite --role viewer</code>; open it here. On
        the hub's own machine <code>musketeers up</code> has printed one.
      </p>
    </main>
  );
}
