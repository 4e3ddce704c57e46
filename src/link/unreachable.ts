/** What to look at where no connection came about, by what the system says of it. */
export function unreachableHint(url: string, reason: string): string | undefined {
  const { hostname, port: named, protocol } = new URL(url);
  const port = named || (protocol === "https:" ? "443" : "80");
  if (/ECONNREFUSED/.test(reason)) {
    return /^(localhost|127\..*|\[::1\])$/.test(hostname)
      ? `${hostname} is this machine itself. Is a hub running here? For one of another machine ask for an invite with its address in the network (up --lan).`
      : `${hostname} is there, but nothing listens on port ${port}. Is the hub running?`;
  }
  if (/ENOTFOUND|EAI_AGAIN/.test(reason)) {
    return `This machine knows no address of ${hostname}. Is it in the same network, and is the name spelled so?`;
  }
  if (/ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|timed out/.test(reason)) {
    return `Nothing answers there. Is the hub's machine on, in the same network, and does its firewall let port ${port} in?`;
  }
  return undefined;
}
