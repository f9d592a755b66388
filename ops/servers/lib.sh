# shellcheck shell=bash
# What the servers' scripts have in common; sourced, never run. A server's script sets `server` and defines
#   launch    becomes the server, by `exec`, in directory $dir on port $port; what it prints goes to $dir/log
#   answers   true when the server that we started answers
#   url       prints the URL to reach it
# and may redefine `prepare` (before the first launch) and `stop_signal`. It ends with `main "$@"`.
#
# State is in the directory: pid, port, url, log. Whoever stops a server stops the very process that was started:
# `pid` holds the process id and its start time, so that a number the system gave anew is never shot.
set -euo pipefail

servers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
stop_signal=TERM stop_patience=15
prepare() { :; }

fail() { echo "$server: $*" >&2; exit 1; }

# When a process was started, in ticks since boot. Fields are counted after the name, which may contain anything.
started_at() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# A process that ended but was not yet fetched by its parent (Z) runs no more.
alive() { [[ $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -c1) == [^ZX] ]]; }

# The process id of the server in $dir, if it is the one that was started there and it runs.
our_pid() {
  local pid born
  read -r pid born 2>/dev/null <"$dir/pid" || return 1
  alive "$pid" && [[ $(started_at "$pid") == "$born" ]] && echo "$pid"
}

# The process and everything below it, itself first.
family() {
  local child
  echo "$1"
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do family "$child"; done
}

signal() { kill "-$1" "${@:2}" 2>/dev/null || true; }

# True once none of the given processes runs; false after that many seconds.
ended() {
  local deadline=$((SECONDS + $1)) pid
  for pid in "${@:2}"; do
    while alive "$pid"; do
      ((SECONDS < deadline)) || return 1
      sleep 0.02
    done
  done
}

# A port where nobody listens, below those that the system gives to outgoing connections: a server that is down keeps it.
free_port() {
  local candidate
  while true; do
    candidate=$((15000 + SRANDOM % 17000))
    (: <"/dev/tcp/127.0.0.1/$candidate") 2>/dev/null || { echo "$candidate"; return; }
  done
}

password() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# The body of a GET, without curl, which not every machine has; the server closes the connection.
ask_http() {
  local connection
  exec {connection}<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&"$connection"
  timeout 5 cat <&"$connection"
  exec {connection}>&-
}

# Launches once on $port and waits for the answer; false when the server ended instead.
launch_and_wait() {
  local pid deadline=$((SECONDS + 60))
  # A session of its own: ctrl-C in a terminal reaches whoever started the server, and they stop it in order.
  # The launching shell waits until its pid file is written, so that no server runs that nobody knows.
  (
    trap - EXIT INT TERM
    myself=$BASHPID # within $( ) it would be another one
    echo "$myself $(started_at "$myself")" >"$dir/pid.new"
    mv "$dir/pid.new" "$dir/pid"
    launch
  ) >>"$dir/log" 2>&1 </dev/null &
  pid=$!
  until answers 2>/dev/null; do
    alive "$pid" || return 1
    ((SECONDS < deadline)) || { (kill_server) || signal KILL "$pid"; fail "does not answer after 60 s, see $dir/log"; }
    sleep 0.03
  done
  disown "$pid" 2>/dev/null || true
}

start_server() {
  local attempts=1
  mkdir -p "$dir"
  if our_pid >/dev/null; then fail "runs already in $dir"; fi
  prepare
  # A port chosen here may be taken by somebody else before the server has it: then another one is tried.
  [[ -s $dir/port ]] || attempts=5
  while true; do
    if ((attempts > 1)); then free_port >"$dir/port"; fi
    port=$(<"$dir/port")
    if launch_and_wait; then break; fi
    rm -f "$dir/pid"
    attempts=$((attempts - 1))
    if ((attempts <= 0)); then tail -n 20 "$dir/log" >&2; fail "ended instead of answering, see $dir/log"; fi
  done
  [[ -s $dir/url ]] || (umask 077 && url >"$dir/url")
  cat "$dir/url"
}

stop_server() {
  local pid all
  pid=$(our_pid) || { rm -f "$dir/pid"; return 0; }
  mapfile -t all < <(family "$pid")
  # A paused process takes no polite signal.
  signal CONT "${all[@]:1}" "$pid"
  signal "$stop_signal" "$pid"
  if ! ended "$stop_patience" "$pid"; then
    echo "$server: does not end after $stop_patience s, killing it" >&2
    kill_server
  fi
  ended 10 "${all[@]}" || fail "left processes behind: ${all[*]}"
  rm -f "$dir/pid"
}

kill_server() {
  local pid all
  pid=$(our_pid) || fail "does not run in $dir"
  # Stopped first, it has no more children than those we see.
  signal STOP "$pid"
  mapfile -t all < <(family "$pid")
  signal KILL "${all[@]}"
  ended 10 "${all[@]}" || fail "survived SIGKILL: ${all[*]}"
  rm -f "$dir/pid"
}

pause_server() {
  local pid all
  pid=$(our_pid) || fail "does not run in $dir"
  signal STOP "$pid"
  mapfile -t all < <(family "$pid")
  signal STOP "${all[@]}"
}

continue_server() {
  local pid all
  pid=$(our_pid) || fail "does not run in $dir"
  mapfile -t all < <(family "$pid")
  signal CONT "${all[@]:1}" "$pid"
}

# `extra VERB …` may be defined by a script for its own subcommands; it returns 64 for those it does not know.
extra() { return 64; }

usage() { sed -n '2,/^[^#]/{s/^# \{0,1\}//p}' "$0" >&2; exit 64; }

main() {
  [[ $# -ge 2 ]] || usage
  local verb=$1 status=0
  dir=$(realpath -m "$2")
  shift 2
  case $verb in
    start | stop | kill | pause | continue) "${verb}_server" ;;
    *) extra "$verb" "$@" || status=$?; [[ $status != 64 ]] || usage; return "$status" ;;
  esac
}
