#!/usr/bin/env bash
# Runs every benchmark and prints its table, with what the figures depend on above it.
# usage: benches/table.sh [NAME…]    (index, reduce …; all without a name)
set -euo pipefail
cd "$(dirname "$0")/.."

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  names=(index latency reduce seek store)
fi

cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo 2>/dev/null | head -n 1)
printf '%s, %s cores, %s, evtui %s\n' "${cpu:-unknown processor}" "$(getconf _NPROCESSORS_ONLN)" \
  "$(rustc --version | cut -d' ' -f1-2)" "$(git rev-parse --short HEAD 2>/dev/null || echo "without git")"

for name in "${names[@]}"; do
  cargo bench --quiet --bench "$name" --no-run
  printf '\n== cargo bench --bench %s\n' "$name"
  cargo bench --quiet --bench "$name"
done
