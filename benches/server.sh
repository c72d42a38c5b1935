#!/usr/bin/env bash
# Measures the service beside its peers: fetches those that are missing and can be had, builds, runs.
# usage: benches/server.sh [ARGUMENT…]    (see benches/server.rs; --quick for a look whether it works)
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v redis-server >/dev/null; then
  echo "redis-server is not installed (Debian: apt-get install redis-server); going on without it"
fi
peers=target/bench-peers
if [ ! -d "$peers/node_modules/@durable-streams/server" ]; then
  if command -v npm >/dev/null; then
    mkdir -p "$peers"
    (cd "$peers" && npm init -y >/dev/null 2>&1 && npm install --no-audit --no-fund @durable-streams/server >npm.log 2>&1) ||
      echo "the durable-streams server cannot be installed (see $peers/npm.log); going on without it"
  else
    echo "npm is not installed; going on without the durable-streams server"
  fi
fi

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
printf '%s, %s cores, %s, evtui %s\n' "${cpu:-unknown processor}" "$(getconf _NPROCESSORS_ONLN)" \
  "$(rustc --version | cut -d' ' -f1-2)" "$(git rev-parse --short HEAD 2>/dev/null || echo "without git")"
cargo bench --quiet --bench server --no-run
cargo bench --quiet --bench server -- "$@"
