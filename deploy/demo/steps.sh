# What a person sees of the demo: each step with its time and, when one fails, where to look. Knows nothing of registries.

STEP=""
STEP_LOG=""

now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
seconds() { printf '%d.%d s' $(($1 / 1000)) $(($1 % 1000 / 100)); } # milliseconds

say() { printf '    %s\n' "$*"; }

# step TITLE COMMAND…: runs COMMAND in this shell with its output shown.
step() {
  STEP=$1
  shift
  local began
  began=$(now_ms)
  printf '\n▸ %s\n' "$STEP"
  "$@"
  printf '  ✓ %s\n' "$(seconds $(($(now_ms) - began)))"
  STEP=""
}

# quietly COMMAND…: its output goes to a log, which is shown when it fails.
quietly() {
  STEP_LOG=$DEMO_FOLDER/step.log
  "$@" >"$STEP_LOG" 2>&1
  STEP_LOG=""
}

# A trap on EXIT: what failed and what to look at.
explain_failure() {
  local code=$?
  [ "$code" != 0 ] && [ -n "$STEP" ] || return 0
  {
    printf '\n✗ "%s" failed.\n' "$STEP"
    if [ -n "$STEP_LOG" ] && [ -s "$STEP_LOG" ]; then
      tail -n 15 "$STEP_LOG" | cut -c1-400 | sed 's/^/    /'
    fi
    printf '\nLook at:\n'
    if [ -n "${KUBECONFIG:-}" ] && [ -r "$KUBECONFIG" ]; then
      printf '    export KUBECONFIG=%s\n' "$KUBECONFIG"
      printf '    %s -n %s get quayregistry,pods,events\n' "$KUBECTL" "$DEMO_NAMESPACE"
      printf '    %s -n %s describe quayregistry %s\n' "$KUBECTL" "$DEMO_NAMESPACE" "$DEMO_REGISTRY"
      printf '    %s -n %s logs deployment/%s-quay-app\n' "$KUBECTL" "$DEMO_NAMESPACE" "$DEMO_REGISTRY"
      printf '    %s -n %s logs deployment/quay-operator\n' "$KUBECTL" "$OPERATOR_NAMESPACE"
    else
      printf '    make cluster-status   # and the messages above\n'
    fi
    printf 'Run make demo again, or take everything away with make demo-down.\n'
  } >&2
}
