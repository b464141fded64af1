# Quay's REST API with a browser's session: sign in, then call with the cookie and its CSRF token. Passwords and tokens
# travel through pipes and files of the caller only, so that neither the process list nor the terminal shows one.

API_COOKIES=$DEMO_FOLDER/cookies
API_ANSWER=$DEMO_FOLDER/answer.json
API_CSRF=$DEMO_FOLDER/csrf-header

# web METHOD PATH [curl option…]: the answer's body; fails with status and message unless it is 2xx.
web() {
  local method=$1 path=$2 status
  shift 2
  status=$(curl --silent --show-error --max-time 30 --cacert "$DEMO_FOLDER/ca.crt" --cookie "$API_COOKIES" \
    --cookie-jar "$API_COOKIES" --header "@$API_CSRF" --header 'Content-Type: application/json' \
    --output "$API_ANSWER" --write-out '%{http_code}' --request "$method" "$@" "$ENDPOINT$path")
  case $status in
    2*) cat "$API_ANSWER" ;;
    *)
      printf '%s %s answered %s: %s\n' "$method" "$path" "$status" "$(head -c 300 "$API_ANSWER")" >&2
      return 1
      ;;
  esac
}

renew_csrf() {
  local token
  token=$(web GET /csrf_token | jq -re .csrf_token)
  printf 'X-CSRF-Token: %s\n' "$token" >"$API_CSRF"
}

# sign_in SECRET: as the user whose name and password the Secret holds.
sign_in() {
  (umask 077 && : >"$API_COOKIES" && : >"$API_ANSWER" && : >"$API_CSRF")
  renew_csrf
  kube get secret "$1" -o json | jq '{username: .data.username | @base64d, password: .data.password | @base64d}' |
    web POST /api/v1/signin --data @- >/dev/null
  renew_csrf # a new session has a token of its own
}

api() { # METHOD PATH [JSON]
  local method=$1 path=/api/v1$2
  if [ $# -gt 2 ]; then web "$method" "$path" --data "$3"; else web "$method" "$path"; fi
}
