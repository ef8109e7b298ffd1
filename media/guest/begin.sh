#!/bin/sh
# Run as the code user: starts tmux with the configured environment. $1 tmux session  $2 directory
own=$HOME/.incus-agents
. "$own/environment"
umask 022
# A socket that a killed container left behind is replaced by tmux itself.
exec tmux -u -f "$own/tmux.conf" new-session -d -s "$1" -c "$2" -x 200 -y 50 sh "$own/launch"
