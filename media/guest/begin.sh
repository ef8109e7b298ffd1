#!/bin/sh
# Run as the code user: starts tmux with the configured environment, or the agent again in a tmux that has ended one.
# $1 tmux session  $2 directory  $3 tmux's socket, if it is there
own=$HOME/.incus-agents
. "$own/environment"
umask 022

# "runs" where an agent is, or the pane of the shell that one left when it ended, unless something runs in it.
look() {
  former=
  read -r former <"$own/running"
  tmux list-panes -s -t "=$session" -F '#{pane_pid} #{pane_id}' | while read -r pid pane; do
    if grep -qs '/\.incus-agents/launch' "/proc/$pid/cmdline"; then echo runs; return; fi
    [ "$pid" = "$former" ] && read -r stat <"/proc/$pid/stat" || continue
    set -- ${stat##*) }
    [ "$6" != "$pid" ] || echo "$pane"
  done 2>/dev/null
}
session=$1
if [ -S "$3" ] && tmux has-session -t "=$session" 2>/dev/null; then
  found=$(look)
  case $found in
    *runs) echo "duplicate session" >&2; exit 1 ;;
    '') exec tmux new-window -t "=$session:" -c "$2" sh "$own/launch" ;;
    *) exec tmux respawn-pane -k -t "$found" -c "$2" sh "$own/launch" ;;
  esac
fi
# A socket that a killed container left behind is replaced by tmux itself.
exec tmux -u -f "$own/tmux.conf" new-session -d -s "$session" -c "$2" -x 200 -y 50 sh "$own/launch"
