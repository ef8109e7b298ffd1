import { COMMON } from './sweep-script.ts';

/**
 * Locks the trees of a container before it has a mount namespace. $1: owner of placeholders, $2: whether flags are set, then rows of
 * fields with tabs between them:
 *
 *     T mount mount-in-fstab source inode    a tree; what follows lies in it
 *     P|D|E|F|J|s|S path path-in-fstab [pattern]   pin; lock a directory, one without flag, a file, JSON; hide a file, a directory
 *     X path path-in-fstab    git's list of ignored paths
 *
 * Agents in other slots may be changing the trees meanwhile. So while they are worked on, their mounts are `nosymfollow`: whatever the agents
 * do, no path leads out of a tree, and no step has to look first.
 */
export const LOCK = `${COMMON}
own=$1 flags=$2
shift 2
set -f
o=$IFS t=$(printf "\\t")
me=$S/live/$LXC_NAME

fail() {
  printf "%s\\n" "$1" >$R/failed/$LXC_NAME
  echo "$1" >&2
  exit 1
}

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

refuse() {
  [ ! -L "$r/$1" ] || fail "$real/$1 is a symbolic link, which cannot be protected."
  [ ! -e "$r/$1" ] || fail "$real/$1 is not what it was a moment ago."
}

rm -f $R/failed/$LXC_NAME
mkdir -p -m 755 $S/live $S/empty
[ -e $S/none ] || : >$S/none
born $M || fail "The process that keeps the container was not found."
keeper="$boot $M $s"
: >$W/dirs; : >$W/owned; : >$W/i; : >$W/a; : >$W/fstab; : >$W/entry

# First the trees, and the directories in them.
dirs() {
  case $1 in
    T)
      r=$2 real=$4
      [ -d "$r" ] || fail "Incus did not mount $real where it was expected."
      [ "$(stat -c %i "$r")" = "$5" ] || fail "$real is not the folder that it was a moment ago."
      mount -c --make-rprivate "$r" && mount -c -o remount,bind,nosymfollow "$r" || fail "The mount of $real cannot be changed."
      roots="$roots$r$n";;
    P|D|E)
      [ -d "$r/$2" ] && [ ! -L "$r/$2" ] && return 0
      refuse "$2"
      printf "%s\\0" "$r/$2" >>$W/dirs
      new="$new$r/$2$n";;
  esac
}
roots= new=$n
each dirs "$@"
if [ -s $W/dirs ]; then
  xargs -0 mkdir -- <$W/dirs || fail "Placeholders cannot be made in $real."
  cat $W/dirs >$W/owned
fi

# Then the files; and what gets which flag.
put() {
  [ -f "$r/$2" ] && [ ! -L "$r/$2" ] && return 0
  refuse "$2"
  set -C
  { case $1 in J) echo "{}";; esac; } >"$r/$2" || fail "The placeholder $real/$2 cannot be made."
  set +C
  printf "%s\\0" "$r/$2" >>$W/owned
  new="$new$r/$2$n"
}
files() {
  case $1 in
    T) r=$2 real=$4;;
    F|J) put "$@"; printf "%s\\0" "$r/$2" >>$W/i;;
    X) put "$@";;
    D) printf "%s\\0" "$r/$2" >>$W/a;;
    s) [ ! -f "$r/$2" ] || [ -L "$r/$2" ] || printf "%s\\0" "$r/$2" >>$W/i;;
  esac
}
each files "$@"
[ ! -s $W/owned ] || xargs -0 chown -h "$own" -- <$W/owned || fail "Placeholders cannot be given to the owner of $real."

# Then the account of it, before any flag is set. A flag that is there and is not ours stays when we go.
others=$n$(find $S/live -type f -exec cat {} +)$n
had=
[ $flags = 0 ] || had=$n$(cat $W/i $W/a | xargs -0r lsattr -d -- 2>/dev/null | grep -E "^[^ ]*[ia]")$n
flag() {
  [ $flags = 1 ] || return 0
  case "$had" in *" $r/$2$n"*) case "$others" in *"$n$1 $real/$2$n"*) ;; *) return 0;; esac;; esac
  flagged="$flagged$1 $real/$2$n"
}
placed() {
  case "$new" in *"$n$r/$1$n"*) ;; *)
    case "$others" in *"\${n}p $real/$1$n"*) ;; *) return 1;; esac;;
  esac
  holders="p $real/$1$n$holders"
}
flush() {
  [ -z "$real" ] || printf "%s" "root $inode $real$n$listed$flagged$holders" >>$W/entry
  flagged= holders= listed=
}
options() {
  opt=rw
  while IFS=" " read -r _ _ _ _ m x _; do [ "$m" != "$1" ] || opt=$x; done </proc/self/mountinfo
  opt=bind,$opt,ro,symfollow
}
over() { printf "%s %s none %s 0 0\\n" "$1" "$q/$2" "$3" >>$W/fstab; }
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
    P) over "$q/$3" "$3" bind; pins="$r/$2$n$pins";;
    D) flag a "$2"; over "$q/$3" "$3" $opt;;
    E) over "$q/$3" "$3" $opt;;
    F|J) flag i "$2"; over "$q/$3" "$3" $opt;;
    s) [ ! -f "$r/$2" ] || { flag i "$2"; over $S/none "$3" $opt; };;
    S) [ ! -d "$r/$2" ] || over $S/empty "$3" $opt;;
  esac
}
real= flagged= holders= listed= pats= pins= list=
each rows "$@"
flush
{ echo "$keeper"; cat $W/entry; } >$S/entry && sync $S/entry && mv $S/entry "$me" || fail "The account of what is protected cannot be written."
if [ $flags = 1 ]; then
  { xargs -0r chattr +i -- <$W/i && xargs -0r chattr +a -- <$W/a; } 2>$W/why || fail "Files of $real cannot be made immutable: $(cat $W/why)"
fi
if [ -n "$pats" ] && [ -n "$list" ]; then
  printf "%s" "# placeholders of $LXC_NAME$n$pats# end of $LXC_NAME$n" | timeout 5 tee -a "$list" >/dev/null
fi

# Now the mounts, all by one process; then symlinks work again, from the innermost mount outwards.
[ ! -s $W/fstab ] || mount -c -a -T $W/fstab 2>$W/why || fail "The mounts over the protected paths cannot be made: $(cat $W/why)"
IFS=$n
for f in $pins $roots; do mount -c -o remount,bind,symfollow "$f" || fail "The mount of $f cannot be changed."; done
exit 0
`;
