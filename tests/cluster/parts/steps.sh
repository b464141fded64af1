# What a person sees of a run: each step with its time, and on failure what failed and where to
# read on. Knows nothing of clusters but the folder of their logs.

STEP=""
STEP_STARTED=0

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }

# step TITLE COMMAND...: run COMMAND in this shell and print how long it took.
step() {
  STEP=$1
  shift
  STEP_STARTED=$(now_ms)
  "$@"
  local took=$(($(now_ms) - STEP_STARTED))
  printf '  %-46s %4d.%d s\n' "$STEP" $((took / 1000)) $((took % 1000 / 100))
  STEP=""
}

note() { printf '    %s\n' "$*"; }

# fail WHAT [LOG]: end the run with a reason, and the tail of the log that explains it.
fail() {
  echo "error: $1" >&2
  if [[ -n ${2:-} && -s $2 ]]; then
    echo "the end of $2:" >&2
    tail -n 15 "$2" | cut -c1-400 | sed 's/^/    /' >&2
  fi
  exit 1
}

explain_failure() {
  local code=$?
  if ((code != 0)) && [[ -n $STEP ]]; then
    echo "stopped in step \"$STEP\"; logs are in $LOGS; run it again, or remove everything with $CLUSTER_HOME/down" >&2
  fi
}

# wait_until SECONDS WHAT LOG COMMAND...: COMMAND must succeed before the time is over.
wait_until() {
  local deadline=$(($(now_ms) + $1 * 1000)) what=$2 log=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    (($(now_ms) < deadline)) || fail "$what did not happen in time" "$log"
    sleep 0.1
  done
}
