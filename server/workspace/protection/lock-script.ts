import { COMMON } from './sweep-script.ts';
import { NOWHERE, SAME } from './types.ts';

/**
 * Locks the trees of a container before it has a mount namespace. $1: owner of placeholders, $2: whether flags are set, then rows of
 * fields with tabs between them:
 *
 *     T mount mount-in-fstab source device:inode    a tree; what follows lies in it
 *     P|D|E|F|J|C|N|s|S path path-in-fstab [pattern]   pin; lock a directory, one without flag, a file (J: JSON; C, N: where git's common
 *                                                   directory is said to be); hide a file, a directory
 *     X path path-in-fstab    git's list of ignored paths
 *
 * Agents in other slots may be changing the trees meanwhile. So while they are worked on, their mounts are `nosymfollow`: whatever the agents
 * do, no path leads out of a tree, and no step has to look first.
 */
export const LOCK = `${COMMON}
own=$1 flags=$2
shift 2
o=$IFS t='\t'
me=$S/live/$LXC_NAME

fail() {
  printf "%s\\n" "$1" >$R/failed/$LXC_NAME
  echo "$1" >&2
  # Incus would wait long for a mount with others on it.
  IFS=$n
  for f in $roots; do umount -R -l "$f" 2>/dev/null; done
  exit 1
}
roots=

# What is left of others, or of an earlier start of this one, has to go first: the caller sweeps and calls again. For other folders
# a short look has to do (who is dead has no program), so that fifty slots do not slow down the next one.
many=
for e in $S/live/*; do
  [ -f "$e" ] || continue
  [ "$e" != "$me" ] && read -r b p z <"$e" && [ "$b" = "$boot" ] && [ -e "/proc/$p/exe" ] || exit 75
  many="$many $e"
done
set -f
[ ! -e $R/failed/$LXC_NAME ] || rm -f $R/failed/$LXC_NAME
[ -d $S/live ] && [ -d $S/empty ] && [ -e $S/none ] || { mkdir -p -m 755 $S/live $S/empty; : >$S/none; }
born $M || fail "The process that keeps the container was not found."
keeper="$boot $M $s"

# Calls a function with the fields of each row.
each() {
  f=$1
  shift
  for a do
    IFS=$t
    $f $a
    IFS=$o
  done
}

# Runs the command $1 with every path for which the function $2 says yes, if there is one. In a process of its own: with "exec".
with() {
  command=$1 yes=$2 left=$(($# - 2))
  shift 2
  while [ $left -gt 0 ]; do
    a=$1
    shift
    left=$((left - 1))
    path=
    IFS=$t
    $yes $a
    IFS=$o
    [ -z "$path" ] || set -- "$@" "$path"
  done
  [ $# = 0 ] || $command "$@"
}

# What other slots need in these trees: a flag that is theirs is not the user's.
same() { [ $1 != T ] || patterns="\${patterns}root $5 $4$n"; }
others=$n patterns= held=
each same "$@"
if [ -n "$many" ]; then
  entries=$n$(grep -lFx -e "\${patterns%"$n"}" -- $many)$n
  for e in $many; do
    case $entries in *"$n$e$n"*) alive "$e" || exit 75; held="$held $e";; esac
  done
fi
[ -z "$held" ] || others=$n$(cat -- $held)$n

refuse() {
  [ ! -L "$r/$1" ] || fail "$real/$1 is a symbolic link, which cannot be protected."
  [ ! -e "$r/$1" ] || fail "$real/$1 is not what it was a moment ago."
}

# First the trees, and the directories in them. What is to be hidden may not be elsewhere meanwhile.
mounted() { [ $1 != T ] || path=$2; }
identities=$(with "exec stat -c %d:%i --" mounted "$@" 2>/dev/null)$n
trees() {
  [ $1 = T ] || return 0
  r=$2 real=$4
  [ -d "$r" ] || fail "Incus did not mount $real where it was expected."
  i=\${identities%%"$n"*} identities=\${identities#*"$n"}
  [ "$i" = "$5" ] || fail "$real is not the folder that it was a moment ago."
  mount -c -o remount,bind,nosymfollow,rprivate "$r" || fail "The mount of $real cannot be changed."
  roots="$roots$r$n"
}
moved() { fail "$real/$1, a secret path, is not there any more, and may be seen where it is now. Open the slot again."; }
newdirs() {
  case $1 in
    T) r=$2 real=$4;;
    P|D|E)
      [ -d "$r/$2" ] && [ ! -L "$r/$2" ] && return 0
      refuse "$2"
      path=$r/$2
      new="$new$path$n";;
    s) [ -f "$r/$2" ] && [ ! -L "$r/$2" ] || moved "$2";;
    S) [ -d "$r/$2" ] && [ ! -L "$r/$2" ] || moved "$2";;
  esac
}
new=$n
each trees "$@"
with "mkdir --" newdirs "$@" || fail "Placeholders cannot be made in $real."

# Then the files.
put() {
  z=
  case $1 in J) z="{}";; C) z=${SAME};; N) z=${NOWHERE};; esac
  if [ -f "$r/$2" ] && [ ! -L "$r/$2" ]; then
    l=
    case $1 in C|N) IFS= read -r l <"$r/$2"; [ "$l" = "$z" ] || fail "$real/$2 leads git to another configuration.";; esac
    return 0
  fi
  refuse "$2"
  set -C
  { [ -z "$z" ] || echo "$z"; } >"$r/$2" || fail "The placeholder $real/$2 cannot be made."
  set +C
  new="$new$r/$2$n"
}
files() { case $1 in T) r=$2 real=$4;; F|J|C|N|X) put "$@";; esac; }
owned() {
  [ $1 != T ] || { r=$2; return 0; }
  case "$new" in *"$n$r/$2$n"*) path=$r/$2;; esac
}
each files "$@"
[ "$new" = "$n" ] || with "chown -h $own --" owned "$@" || fail "Placeholders cannot be given to the owner of $real."

# Then the account of it, before any flag is set. A flag that is there and is not ours stays when we go.
frozen() {
  case $1 in
    T) r=$2;;
    F|J|C|N|s) path=$r/$2;;
  esac
}
growing() { case $1 in T) r=$2;; D) path=$r/$2;; esac; }
older() {
  frozen "$@"
  growing "$@"
  case "$new" in *"$n$path$n"*) path=;; esac
}
had=$n inodes=$n
[ $flags = 0 ] || had=$n$(with "exec lsattr -d --" older "$@" 2>/dev/null)$n inodes=$n$(with "exec stat -c %i=%n --" frozen "$@" 2>/dev/null)$n
# Whether the line of lsattr about a path has the flag.
has() {
  h=\${had%%" $2$n"*}
  [ "$h" != "$had" ] || return 1
  h=\${h##*"$n"}
  case $h in *$1*) return 0;; esac
  return 1
}
flag() {
  [ $flags = 1 ] || return 0
  if has $1 "$r/$2"; then case "$others" in *"$n$1 $real/$2$n"*) ;; *) return 0;; esac; fi
  # By its number a file is found again that was moved.
  if [ $1 = i ]; then
    h=\${inodes%%"=$r/$2$n"*}
    [ "$h" != "$inodes" ] || fail "$real/$2 is not what it was a moment ago."
    marks="\${marks}n \${h##*"$n"}$n"
  fi
  marks="$marks$1 $real/$2$n"
}
placed() {
  case "$new" in *"$n$r/$1$n"*) ;; *)
    case "$others" in *"\${n}p $real/$1$n"*) ;; *) return 1;; esac;;
  esac
  holders="p $real/$1$n$holders"
}
flush() {
  [ -z "$real" ] || entry="\${entry}root $inode $real$n$listed$marks$holders"
  marks= holders= listed=
}
options() {
  opt=$(grep -F " $1 " /proc/self/mountinfo)
  opt=\${opt#*" $1 "}
  opt=bind,\${opt%%" "*},ro,symfollow
}
over() { locks="$locks$1 $q/$2 none $opt 0 0$n"; }
rows() {
  case $1 in
    T) flush; r=$2 q=$3 real=$4 inode=$5; options "$3"; return 0;;
    X)
      placed "$2"
      [ -z "$pats" ] && return 0
      listed="x $real/$2$n" list=$r/$2
      return 0;;
  esac
  placed "$2" && [ -n "\${4-}" ] && pats="$pats$4$n"
  case $1 in
    P) pins="$q/$3 $q/$3 none rbind,symfollow 0 0$n$pins";;
    D) flag a "$2"; over "$q/$3" "$3";;
    E) over "$q/$3" "$3";;
    F|J|C|N) flag i "$2"; over "$q/$3" "$3";;
    s) flag i "$2"; over $S/none "$3";;
    S) over $S/empty "$3";;
  esac
}
entry= real= marks= holders= listed= pats= pins= list= locks=
each rows "$@"
flush
printf "%s" "$keeper$n$entry" >"$me" || fail "The account of what is protected cannot be written."
# These wait for the disk and for one another's locks more than for a processor.
sync "$me" &
account=$!
if [ $flags = 1 ]; then
  with "exec chattr +i --" frozen "$@" 2>$W/why &
  immutable=$!
  with "chattr +a --" growing "$@" 2>$W/why-not && wait $immutable || fail "Files of $real cannot be made immutable: $(cat $W/why $W/why-not)"
fi
[ -z "$pats" ] || [ -z "$list" ] || printf "%s" "# placeholders of $LXC_NAME$n$pats# end of $LXC_NAME$n" >>"$list"

# Now the mounts, all by one process: first what is locked, then what holds it, from the inside outwards. Then symlinks work again.
printf "%s" "$locks$pins" >$W/fstab
mount -c -a -T $W/fstab 2>$W/why || fail "The mounts over the protected paths cannot be made: $(cat $W/why)"
IFS=$n
for f in $roots; do mount -c -o remount,bind,symfollow "$f" || fail "The mount of $f cannot be changed."; done
wait $account || fail "The account of what is protected cannot be kept on the disk."
exit 0
`;
