#!/bin/sh
# The first process of the agent's tmux session: waits for the network, runs the agent, leaves a shell.
own=$HOME/.incus-agents
# Ctrl-C is for the agent; a trap (other than ignoring) is not inherited by it.
trap : INT
. "$own/environment"

# Most agents give up at once without a way out. Right after a start, DHCP takes about a second.
has_route() {
  while read -r _ destination _ flags _; do
    [ "$destination" = 00000000 ] && return 0
  done </proc/net/route
  while read -r destination prefix _ _ _ _ _ _ _ device; do
    [ "$prefix" = 00 ] && [ "$device" != lo ] && return 0
  done 2>/dev/null </proc/net/ipv6_route
  return 1
}
. "$own/command"
tries=0
until [ "$INCUS_AGENTS_NETWORK" = no ] || [ -z "$1" ] || has_route || [ $tries -ge 100 ]; do
  tries=$((tries + 1))
  sleep 0.05
done

signal() {
  [ -d "$INCUS_AGENTS_SIGNALS" ] || return 0
  printf '%s %s %s\n' "$1" "$(date +%s)" "$2" >>"$INCUS_AGENTS_SIGNALS/events"
}

# The end of tmux ends this script without a word, and some agents live on without a terminal. Another process sees the end of
# this one as that of a pipe, tells of it and ends what is left. Another start may have taken its place by then.
guard() {
  exec 9>&-
  trap '' HUP
  read -r word <&8 && [ "$word" = ended ] && exit
  read -r current <"$own/running"
  [ "$current" != $$ ] || signal exit 129
  sleep 3
  kill -KILL -$$
}
echo $$ >"$own/running"
rm -f "$own/alive"
if mkfifo -m 600 "$own/alive"; then
  exec 9<>"$own/alive" 8<"$own/alive"
  rm -f "$own/alive"
  guard </dev/null >/dev/null 2>&1 &
  exec 8<&-
else
  exec 9>/dev/null
fi
# See server/agents/signal.ts.
rm -f "$INCUS_AGENTS_SIGNALS/speaker"
signal start ''
# Commands of the configuration, five minutes each; Ctrl-C ends one of them.
before() {
  limit=
  ! timeout --foreground 1 true 2>/dev/null || limit='timeout --foreground -k 5 300'
  $limit "$SHELL" -c "$1" </dev/null || printf '\n[tool] pre_launch: "%s" ended with exit code %s.\n' "$1" $?
}
[ ! -s "$own/before" ] || . "$own/before" 9>&-
# What is secret is known to the agent's own process only, not to the shell that stays.
(
  if [ -e "$own/secrets" ]; then . "$own/secrets"; rm -f "$own/secrets"; fi
  if [ -z "$1" ]; then exec "$SHELL" -l; fi
  exec "$@"
) 9>&-
status=$?
rm -f "$own/secrets"
signal exit $status
echo ended >&9
exec 9>&-

[ $status = 0 ] || printf '\n%s ended with exit code %s. This shell stays in the container.\n' "${1:-The shell}" $status
exec "$SHELL" -l
