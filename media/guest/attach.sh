# Runs in the editor's terminal, on the host. $0 the marker by which the terminal is known again after a reload
# $1 incus  $2 project  $3 container  $4 kind  $5 uid  $6 gid  $7 home  $8 directory  $9 own tmux directory, or nothing
# $10 filter.pl: what the container prints must not reach the clipboard and the like. Without Perl it is not filtered, which is asked first.
incus=$1 project=$2 container=$3 kind=$4 uid=$5 gid=$6 home=$7 cwd=$8 tmux=$9
filter=${10}
command -v perl >/dev/null || filter=
case ${TERM:-} in
  xterm|xterm-color|xterm-256color|screen|screen-256color|tmux|tmux-256color|linux|vt100|vt220) ;;
  *) TERM=xterm-256color ;;
esac
export TERM
trap : INT QUIT

# A shell ends with the code of its last command, which says nothing about the terminal, so one that is left in order ends with 0.
# Ctrl-C ends nothing but what it is meant for.
shell='trap : INT QUIT; cd -- "$1" 2>/dev/null; u=$(id -un -- "$2" 2>/dev/null || getent passwd "$2" | cut -d: -f1); s=$(getent passwd "$2" | cut -d: -f7); command -v "$s" >/dev/null || s=/bin/sh
HOME=$4 USER=$u LOGNAME=$u SHELL=$s; export HOME USER LOGNAME SHELL; [ -r "$4/.incus-agents/environment" ] && . "$4/.incus-agents/environment"
if [ "$2" = 0 ]; then "$s" -l
elif command -v setpriv >/dev/null; then setpriv --reuid "$2" --regid "$3" --init-groups "$s" -l
else su -m -s "$s" "$u"; fi
exit 0'
root='trap : INT QUIT; cd -- "$1" 2>/dev/null; HOME=/root USER=root LOGNAME=root; export HOME USER LOGNAME; s=sh
command -v bash >/dev/null && s=bash; $s -l; exit 0'

# Of this machine, whatever remote the user's command line goes to by itself.
shown() { ${filter:+perl -e "$filter" --} "$incus" exec "local:$container" --project "$project" -t --env "TERM=$TERM" --env COLORTERM=truecolor "$@"; }
unseen() { "$incus" exec "local:$container" --project "$project" -T "$@" </dev/null >/dev/null 2>&1; }
agent() {
  how=$1; shift
  $how --user "$uid" --group "$gid" --cwd "$cwd" --env "HOME=$home" ${tmux:+--env "TMUX_TMPDIR=$tmux"} -- tmux -u "$@" -t "=coi-$container"
}
attach() {
  case $kind in
  agent) agent shown attach-session ;;
  shell) shown -- /bin/sh -c "$shell" shell "$cwd" "$uid" "$gid" "$home" ;;
  root) shown -- /bin/sh -c "$root" root "$cwd" ;;
  esac
}
# Sets code to what the terminal's program ended with. 255: Incus could start nothing, as happens in the first seconds of a container.
# What it ends with when its connection is lost, as when Incus restarts, is tmux's own word for "no such session".
attach_or_retry() {
  tries=0
  while :; do
    attach
    code=$?
    [ $code = 255 ] && [ $tries -lt 5 ] || return 0
    tries=$((tries + 1))
    sleep 0.3
  done
}

# Asks for the state up to $1 times, $2 seconds apart. A container on its way down ends its processes some time before it counts as
# stopped or is gone; in between Incus may not be able to say anything of it. If one runs of which nothing could be said before, Incus was away;
# $3: it is known to be.
look() {
  tries=0 away=${3-}
  while :; do
    state=$("$incus" query "local:/1.0/instances/$container/state?project=$project" 2>&1)
    case $state in
      *'"Frozen"'*|*'"Stopped"'*|*'"Stopping"'*|*'Instance not found'*) known=1; return ;;
      *'"Running"'*) known=1; [ -z "$away" ] || return ;;
      *) known= away=1 ;;
    esac
    [ $tries -lt "$1" ] || return
    tries=$((tries + 1))
    sleep "$2"
  done
}

# The editor closes a terminal that ends with 0 at once, and shows this whole script in an error if it ends with anything else.
stay() { printf '%s Press Enter to close this terminal.' "$1"; read -r line; exit 0; }
ask() { printf '\n%s Press Enter to %s.' "$1" "${2-show the agent again}"; read -r line || exit 0; }
# A lost tmux has left the mouse, its keys and its screen on.
reset() { printf '\033[?1000l\033[?1002l\033[?1003l\033[?1004l\033[?1006l\033[?2004l\033[>4;0m\033[?1047l\033[?25h'; }

[ -n "$filter" ] || ask 'Perl was not found on this computer, so nothing holds back what the container prints: it can read and write your clipboard.' 'go on without'

again=0
while :; do
  attach_or_retry
  [ $code = 0 ] && exit 0
  look 25 0.2
  if [ "$kind:$known" = agent: ]; then
    reset
    printf '\nIncus cannot be reached: %s\nThe agent is shown again as soon as it can.\n' "$state"
    look 60 2 1
    [ -n "$known" ] || { ask 'Incus still cannot be reached.'; continue; }
  fi
  case $state in
    *'"Frozen"'*) stay "
The container $container is paused." ;;
    *'"Stopped"'*|*'"Stopping"'*) printf '\nThe container %s has stopped.\n' "$container"; exit 0 ;;
    *'Instance not found'*) printf '\nThe container %s no longer exists.\n' "$container"; exit 0 ;;
    *'"Running"'*) [ "$kind" = agent ] || stay "
The connection to $container ended (exit code $code). What runs in it goes on." ;;
    *) stay "
Incus cannot be reached: $state" ;;
  esac
  # Not only on the way down, after all.
  agent unseen has-session
  case $? in
    0) reset ;;
    1) stay 'No agent is running in this container.' ;;
    # Nothing can be run there now, which says nothing of the agent.
    *) again=5 ;;
  esac
  again=$((again + 1))
  [ $again -le 5 ] || { ask "The connection to $container was lost. What runs in it goes on."; again=0; }
done
