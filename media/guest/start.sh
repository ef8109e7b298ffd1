#!/bin/sh
# Run as root by one exec, with a tar on stdin: unpacks it and starts the agent in tmux as the code user.
# $1 uid  $2 gid  $3 home  $4 tmux session  $5 directory  $6 git configuration? (yes|no)
# Prints "started", or "exists" when the agent runs already: then nothing is changed. Exit codes: 61 no tmux, 62 no such user, 63 no tar, 64 unpacking failed, 65 tmux failed, 66 names not set.
set -u
uid=$1 gid=$2 home=$3 session=$4 cwd=$5 git=$6
own=$home/.incus-agents
fail() { code=$1; shift; printf '%s\n' "$*" >&2; rm -f "$own/secrets"; exit "$code"; }

command -v tmux >/dev/null || fail 61 'tmux: not found'
command -v tar >/dev/null || fail 63 'tar: not found'
user='' shell=/bin/sh
while IFS=: read -r name _ id _ _ _ loginshell; do
  if [ "$id" = "$uid" ]; then user=$name shell=${loginshell:-/bin/sh}; break; fi
done </etc/passwd
[ -n "$user" ] || fail 62 "uid $uid: not found in /etc/passwd"

unset TMUX TMUX_PANE
export HOME="$home" USER="$user" LOGNAME="$user" SHELL="$shell" LANG="${LANG:-C.UTF-8}"
export TERM=xterm-256color COLORTERM=truecolor TMUX_TMPDIR="$own/tmux"
export PATH="$home/.local/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

socket=$own/tmux/tmux-$uid/default
runs() {
  [ -S "$socket" ] && tmux -S "$socket" list-panes -s -t "=$session" -F '#{pane_pid}' 2>/dev/null | while read -r pid; do
    ! grep -qs '/\.incus-agents/launch' "/proc/$pid/cmdline" || echo yes
  done | grep -q yes
}
if runs; then
  cat >/dev/null
  echo exists
  exit 0
fi

unpacked=$(tar -xpvf - -C / 2>&1) || fail 64 "tar: $unpacked"
# What may be there already lies below put/<way> first: its place can be in a directory that several containers share.
put=${own#/}/put
problem=$(printf '%s\n' "$unpacked" | while IFS= read -r file; do
  case $file in "$put"/*) ;; *) continue ;; esac
  way=${file#"$put"/} way=${way%%/*} place=${file#"$put/$way"}
  # Without its instructions, as where the user's own are mounted read-only, the agent works all the same.
  said=$(sh "$own/put.sh" "$way" "$place" "/$file" "$uid:$gid" 2>&1) || [ "$way" = block ] || printf '%s: %s\n' "$place" "$said"
done)
rm -rf "$own/put"
[ -z "$problem" ] || fail 64 "$problem"
names=/etc/incus-agents
if [ -s $names/hosts ] || [ -s $names/resolvers ] || [ -e $names/named ]; then
  problem=$(sh $names/names 2>&1) || fail 66 "names: $problem"
fi
if [ "$git" = yes ]; then
  if [ ! -e /etc/gitconfig ]; then ln -s /etc/incus-agents/gitconfig /etc/gitconfig
  elif ! [ /etc/gitconfig -ef /etc/incus-agents/gitconfig ] && ! grep -qs incus-agents/gitconfig /etc/gitconfig; then
    printf '[include]\n\tpath = /etc/incus-agents/gitconfig\n' >>/etc/gitconfig
  fi
fi
begin() {
  if [ "$uid" = 0 ]; then sh "$own/begin" "$session" "$cwd" "$socket"
  elif command -v setpriv >/dev/null; then setpriv --reuid "$uid" --regid "$gid" --init-groups sh "$own/begin" "$session" "$cwd" "$socket"
  else su -m -s /bin/sh "$user" -c 'sh "$0" "$1" "$2" "$3"' "$own/begin" "$session" "$cwd" "$socket"
  fi
}
# Links that are there, to whatever, stay. Nobody powers off so soon that this had to be waited for.
[ "$uid" = 0 ] || ! command -v sudo >/dev/null || ln -s /etc/incus-agents/bin/* /usr/local/bin/ >/dev/null 2>&1 &
problem=$(begin 2>&1) && { echo started; exit 0; }
# Somebody else may have been quicker.
case $problem in *'duplicate session'*) rm -f "$own/secrets"; echo exists; exit 0 ;; esac
fail 65 "tmux: $problem"
