#!/usr/bin/env bash
# Records the examples live: a service, a model, the processors of processors/, and what people and
# Slack send them. Writes live-*.jsonl; the times in them are the ones it took.
#
#   recordings/live.sh            builds a release first; BIN=target/debug takes what is there
set -euo pipefail
cd "$(dirname "$0")/.."
[ -n "${BIN:-}" ] || cargo build --release --bin evtui --example model
BIN=${BIN:-target/release}
scratch=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$scratch"' EXIT
export XDG_CACHE_HOME=$scratch XDG_CONFIG_HOME=$scratch

# The address that a server says it listens on.
address() { until grep -q . "$1"; do sleep 0.1; done; sed -n 's/^listening on //p;q' "$1"; }
"$BIN/evtui" serve --data "$scratch/data" --port 0 >"$scratch/serve" 2>"$scratch/log" &
"$BIN/examples/model" 0 >"$scratch/model" &
EVTUI_URL=$(address "$scratch/serve")
MODEL_URL=$(address "$scratch/model")
export EVTUI_URL MODEL_URL

deploy() { "$BIN/evtui" deploy "$1" --file "recordings/processors/$2" "${@:3}" >/dev/null; }
append() { "$BIN/evtui" append "$@" >/dev/null; }
say() { append "$1" --message "$2"; }
# Until nothing has come for a while.
quiet() { "$BIN/evtui" record "$1" -o "$scratch/$RANDOM$RANDOM" --idle "${2:-1500ms}" >/dev/null 2>&1; }
keep() {
  quiet "$1"
  rm -f "recordings/$2.jsonl"
  "$BIN/evtui" record "$1" -o "recordings/$2.jsonl" --idle 500ms 2>/dev/null
  echo "recordings/$2.jsonl  $(wc -l <"recordings/$2.jsonl") events"
}

deploy /demo/ping-pong ping-pong.ts
append /demo/ping-pong --type ping
quiet /demo/ping-pong
"$BIN/evtui" resume /demo/ping-pong --reason 'once more' >/dev/null
keep /demo/ping-pong live-ping-pong

deploy /demo/chat chat-agent.ts --env MODEL_URL
say /demo/chat 'Good morning! Which model are you?'
quiet /demo/chat
say /demo/chat 'And what did I ask first?'
say /demo/chat 'Answer this one, too.'
quiet /demo/chat
# The model is away: nothing listens on the port of discarded bytes.
deploy /demo/chat chat-agent.ts --env MODEL_URL=http://127.0.0.1:9/v1/chat/completions
say /demo/chat 'Are you still there?'
quiet /demo/chat
deploy /demo/chat chat-agent.ts --env MODEL_URL
say /demo/chat 'And now?'
keep /demo/chat live-chat

deploy /demo/pharmacy chat-agent.ts --env MODEL_URL
deploy /demo/pharmacy guardrail.ts
for question in 'Hello, are you open on Sundays?' 'How many tablets may I take at once?' \
  'Can I mix it with a glass of wine?' 'Thank you!'; do
  say /demo/pharmacy "$question"
  quiet /demo/pharmacy
done
keep /demo/pharmacy live-guardrail

deploy /demo/coder coder.ts --env MODEL_URL
# $1 what is to be done, $2 … the files that go along
task() {
  local text=$1 files
  files=$(for path in "${@:2}"; do jq -Rs --arg path "$path" '{($path): .}' "$scratch/$path"; done | jq -s 'add // {}')
  append /demo/coder --type user_message --payload "$(jq -n --arg text "$text" --argjson files "$files" '{content: $text, files: $files}')"
  quiet /demo/coder
}
cat >"$scratch/price.ts" <<'CODE'
export interface Item {
  name: string;
  price: number;
}

export function total(items: Item[]): number {
  let sum = 0;
  for (const item of items) sum += item.price;
  return sum;
}
CODE
cat >"$scratch/receipt.ts" <<'CODE'
import { total, type Item } from "./price.ts";

export function receipt(items: Item[]): string {
  if (items.length === 0) return "nothing";
  const lines = items.map((item) => `${item.name}: ${item.price}`);
  return [...lines, `together: ${total(items)}`].join("\n");
}
CODE
cat >"$scratch/report.ts" <<'CODE'
import { receipt } from "./receipt.ts";

console.log(receipt([{ name: "tea", price: 3 }]));
console.log("--");
console.log(receipt([{ name: "tea", price: 3 }]));
CODE
task 'rename `total` to `totalPrice`' price.ts receipt.ts
task 'rename `receipt` to `receiptOf`' report.ts
task 'rename `discount` to `rebate`'
keep /demo/coder live-coder

second=0
# $1 the event's id, $2 the thread or -, $3 the text, $4 the user, $5 more of the event
slack() {
  second=$((second + 1))
  jq -n --arg id "$1" --arg thread "$2" --arg text "$3" --arg user "$4" --argjson more "${5:-null}" --arg ts "$((1764000100 + second)).000100" '{
    token: "one-long-verification-token", team_id: "T061EG9R6", api_app_id: "A0PNCHHK2", type: "event_callback", event_id: $id,
    event_time: 1764000000, event: ({type: "message", channel: "C024BE91L", user: $user, text: $text, ts: $ts}
      + (if $thread == "-" then {} else {thread_ts: $thread} end) + ($more // {}))
  }' | curl -sS --fail --json @- "$EVTUI_URL/api/streams/demo/slack" >/dev/null
  sleep 0.4
}
deploy /demo/slack slack.ts
slack Ev00 - 'sent before anybody listened' U0BOB
append /demo/slack --type slack-connected
quiet /demo/slack
slack Ev01 - '<@U0LAN0Z89> is the build green?' U0ADA
slack Ev02 "1764000102.000100" 'not yet: 2 &lt; 3 jobs are done' U0BOB
slack Ev02 "1764000102.000100" 'not yet: 2 &lt; 3 jobs are done' U0BOB
slack Ev03 - 'posted by a machine' U0BOT '{"bot_id": "B19LU7CSY"}'
slack Ev04 "1764000102.000100" 'now it is &amp; deployed' U0BOB
# A slash command comes as a form: kept, and no message.
curl -sS --fail -d 'command=/build&text=retry&user_id=U0ADA' "$EVTUI_URL/api/streams/demo/slack" >/dev/null
for n in 5 6 7 8 9 10 11 12; do slack "Ev$n" - "note $n of the day" U0ADA; done
keep /demo/slack live-slack
