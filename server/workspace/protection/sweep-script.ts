import { DEVICES, RUN_DIRECTORY, STATE_DIRECTORY } from './places.ts';
import { NOWHERE, SAME } from './types.ts';

/**
 * Common beginning of the scripts. What a container needs is in a file of its name below `live`, whose first line tells the
 * process that keeps the container: by it an entry is known to be dead after a crash, too.
 */
export const COMMON = `
set -u
umask 022
S=${STATE_DIRECTORY}
R=${RUN_DIRECTORY}
W=$R/work
n='\n'
[ -d $R/failed ] && [ -d $R/tree ] && [ -d $W ] || mkdir -p -m 755 $R $R/failed $R/tree $W
exec 9>>$R/lock
flock -w 60 9 || exit 1
read -r boot </proc/sys/kernel/random/boot_id

# Sets s to the start time of a process, unless it has ended.
born() {
  [ -r /proc/$1/stat ] && read -r s </proc/$1/stat || return 1
  s=\${s##*) }
  set -- $s
  case $1 in Z|X) return 1;; esac
  shift 19
  s=$1
}

alive() { read -r b p z <"$1" && [ "$b" = "$boot" ] && born "$p" && [ "$s" = "$z" ]; }
`;

/** Bytes of git's list of ignored paths beyond which it is nobody's. */
const LIST_LIMIT = 1024 * 1024;

/**
 * Clears what belongs to containers that are gone, and to the container $1, only if the process $2 keeps it where that is given; what
 * another one needs too stays. Ends at once if there is nothing to do. Runs in a mount namespace of its own.
 */
export const SWEEP = `${COMMON}
gone=$1 keeper=\${2-}
# Whether the entry $1 is that of the container that is gone. Its name may be in use again.
ended() { [ "$1" = "$gone" ] || return 1; read -r b p z <"$1"; [ "\${keeper:-$p}" = "$p" ]; }
cd $S/live 2>/dev/null || exit 0
dead= keep=
for e in *; do
  [ -f "$e" ] || continue
  if ! ended "$e" && alive "$e"; then keep="$keep $e"; else dead="$dead $e"; fi
done
[ -n "$dead" ] || exit 0
# Mounts of containers that are being started would keep placeholders busy; nobody else sees them go.
grep -F " ${DEVICES}/" /proc/self/mountinfo | while read -r _ _ _ _ m _; do
  case \${m#${DEVICES}/} in "$m"|*/*/*|*%*) continue;; esac
  umount -R -l "$(printf "$m")" 2>/dev/null
done
: >$W/keep
[ -z "$keep" ] || cat $keep >$W/keep

# The tree that the next lines are about. It must be the directory that it was, and nothing leads out of it.
enter() {
  in=0 root=$2 id=$1 form=%d:%i
  # Numbers of devices do not outlive a boot, and nobody who is inside does.
  [ "$at" = "$boot" ] || id=\${id#*:} form=%i
  umount $R/tree 2>/dev/null
  [ -d "$root" ] || return 0
  if mount --bind "$root" $R/tree && [ "$(stat -c $form $R/tree)" = "$id" ] && mount -c -o remount,bind,nosymfollow $R/tree
  then in=1
  else ok=0
  fi
}

# Takes the block of container $2 out of git's list of ignored paths, which agents can write: what is too long is left as it is.
unlist() {
  [ -f "$1" ] && [ ! -L "$1" ] || return 0
  timeout 5 head -c ${LIST_LIMIT + 1} "$1" >$W/listed || return 0
  [ "$(stat -c %s $W/listed)" -le ${LIST_LIMIT} ] || return 0
  timeout 5 sed "/^# placeholders of $2\\$/,/^# end of $2\\$/d" $W/listed >$W/list && timeout 5 tee "$1" <$W/list >/dev/null
}

# Takes the flag off the file with the number $was, wherever it was moved to.
thaw() {
  if [ "$(stat -c %i "$f" 2>/dev/null)" = "$was" ]; then chattr -i "$f" || ok=0; return 0; fi
  [ -n "$(timeout 20 find $R/tree -xdev -inum "$was" -type f -exec chattr -i {} \\; -printf x -quit 2>/dev/null)" ] || ok=0
}

# Removes a placeholder, unless somebody has put something into it.
drop() {
  [ ! -L "$1" ] || return 0
  if [ -d "$1" ]; then rmdir "$1" 2>/dev/null; return 0; fi
  [ -f "$1" ] && [ "$(stat -c %s "$1")" -le 40 ] || return 0
  case $(timeout 5 head -c 40 "$1") in ""|"{}"|${SAME}|${NOWHERE}) rm -f "$1";; esac
}

line() {
  kind=\${1%% *} rest=\${1#* }
  case $kind in
    root) enter "\${rest%% *}" "\${rest#* }"; return 0;;
    n) was=$rest; return 0;;
  esac
  [ $in = 1 ] || return 0
  f=$R/tree/\${rest#"$root"/}
  case $kind in x) unlist "$f" "$e"; return 0;; esac
  if grep -Fxq -e "$1" $W/keep; then return 0; fi
  case $kind in
    i) thaw;;
    a) [ ! -d "$f" ] || chattr -a "$f" || ok=0;;
    p) drop "$f";;
  esac
}

for e in $dead; do
  ok=1 in=0 root= was=
  { read -r at l; while IFS= read -r l; do line "$l"; done; } <"$e"
  if [ $ok = 1 ]; then rm -f "$e"; else mkdir -p $S/lost; mv "$e" $S/lost/; fi
done

# The last one leaves nothing.
cd /
umount $R/tree 2>/dev/null
rmdir $S/live 2>/dev/null && rm -rf $S/empty $S/none && rmdir $S \${S%/*} 2>/dev/null
exit 0
`;
