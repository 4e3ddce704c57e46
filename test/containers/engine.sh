#!/bin/sh
# Runs a container engine in namespaces of its own for as long as standard input is open, and leaves nothing behind:
# with the process namespace its processes end, with the mount namespace its mounts, with the network namespace
# its bridges and rules. What is left are control groups and files, which are removed here; the files stay where a line
# says so, and not where standard input ends because whoever started this was killed.
#
#   engine.sh DIRECTORY GROUP host|own [BRIDGE-ADDRESS]     host: builds can reach the network; own: containers have bridges
set -u
directory=$1
group=$2
network=$3
bridge=${4-}

inside='
  directory=$1
  group=$2
  shift 2
  rm -f "$directory/dockerd.pid"
  ip link set lo up 2>/dev/null
  dockerd --host "unix://$directory/docker.sock" --data-root "$directory/data" --exec-root "$directory/exec" \
    --pidfile "$directory/dockerd.pid" --cgroup-parent "/$group" \
    --shutdown-timeout 1 "$@" >>"$directory/dockerd.log" 2>&1 </dev/null &
  engine=$!
  # Until whoever started this is gone. Whatever is left in this namespace then ends with its first process.
  read -r keep
  status=$?
  kill -TERM $engine
  { sleep 20; kill -KILL $engine; } &
  wait $engine
  exit $status
'
if [ "$network" = host ]; then
  unshare --mount --pid --fork --kill-child --mount-proc sh -c "$inside" engine "$directory" "$group" \
    --bridge=none --iptables=false --ip6tables=false
else
  unshare --mount --pid --net --fork --kill-child --mount-proc sh -c "$inside" engine "$directory" "$group" \
    --bip "$bridge"
fi
status=$?

for try in 1 2 3 4 5 6 7 8 9 10; do
  left=
  for tree in /sys/fs/cgroup /sys/fs/cgroup/*; do
    [ -d "$tree/$group" ] || continue
    find "$tree/$group" -depth -type d -exec rmdir {} + 2>/dev/null
    [ -d "$tree/$group" ] && left=yes
  done
  [ -z "$left" ] && break
  sleep 0.5
done
[ $status = 0 ] || rm -rf "$directory"
