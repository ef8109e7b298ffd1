#!/bin/sh
# Puts a managed block into a text file: replaces the one that is there, else appends. $1 file  $2 file with the block  $3 owner
# The block's first and last line are its markers.
file=$1 block=$2
[ -e "$file" ] || exec mv "$block" "$file"
first=$(head -n 1 "$block") last=$(tail -n 1 "$block")
FIRST=$first LAST=$last awk '
  $0 == ENVIRON["FIRST"] { skip = 1 }
  !skip { print }
  $0 == ENVIRON["LAST"] { skip = 0 }
' "$file" >"$block.new" || exit 1
# An old block without its end would swallow the rest: then nothing is cut out.
if grep -qxF -- "$first" "$file" && ! grep -qxF -- "$last" "$file"; then cat "$file" >"$block.new"; fi
cat "$block" >>"$block.new"
cat "$block.new" >"$file"
chown "$3" "$file"
rm -f "$block" "$block.new"
