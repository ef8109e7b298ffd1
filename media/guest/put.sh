#!/bin/sh
# Brings a file that came for the agent to its place. $1 way  $2 place  $3 file that came  $4 owner
# keep: unless something is there that begins with another line. json: instead of what is there. block: as the managed block of the file that is there; the first and last
# line of what came are its markers.
# The file can be one for several containers, which start at the same moment: it is whole at any time, and where it says what it shall, it is left alone.
place=$2 came=$3
[ ! -d "$place" ] || { echo 'it is a directory' >&2; exit 1; }
[ ! -L "$place" ] || place=$(readlink -f "$place") || place=$2
if [ -e "$place" ]; then
  case $1 in
    keep) [ "$(head -n 1 "$place")" = "$(head -n 1 "$came")" ] || exit 0 ;;
    block)
      # A block that has lost its end is none: what follows on it is the user's.
      cp -p "$place" "$came.whole" && chown "$4" "$came.whole" || exit 1
      FIRST=$(head -n 1 "$came") LAST=$(tail -n 1 "$came") awk '
        $0 == ENVIRON["FIRST"] { printf "%s", held; held = ""; skip = 1 }
        !skip { print }
        skip { held = held $0 "\n" }
        skip && $0 == ENVIRON["LAST"] { held = ""; skip = 0 }
        END { printf "%s", held }
      ' "$place" >"$came.whole" && cat "$came" >>"$came.whole" || exit 1
      came=$came.whole ;;
  esac
  ! cmp -s "$came" "$place" || exit 0
fi
new=$(mktemp "$place.XXXXXX") && cp -p "$came" "$new" && mv -f "$new" "$place" && exit 0
# It is a mount itself, or in a directory where nothing can be made.
[ -z "$new" ] || rm -f "$new"
cat "$came" >"$place"
