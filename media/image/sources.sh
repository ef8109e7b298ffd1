# Takes the package mirror of the host for the time of the build, and gives the image its own sources back.
# A third party's sources are left alone: only the files that distributions ship are changed.

# Prints a sources file with its addresses replaced: by MIRROR_SECURITY for the security suite, else by MIRROR.
with_mirror() {
  case $1 in
  *.sources) awk -v main="$MIRROR" -v security="$MIRROR_SECURITY" '
      function stanza(  i) {
        for (i = 1; i <= n; i++) {
          if (lines[i] ~ /^URIs: *https?:/ && uri() != "") print "URIs: " uri()
          else print lines[i]
        }
        n = 0; secure = 0
      }
      function uri() { return secure ? security : main }
      /^Suites:/ { secure = 1; for (i = 2; i <= NF; i++) if ($i !~ /-security$/) secure = 0 }
      { lines[++n] = $0 }
      /^[ \t]*$/ { stanza() }
      END { stanza() }' "$1" ;;
  *) awk -v main="$MIRROR" -v security="$MIRROR_SECURITY" '
      /^deb/ {
        at = 2
        if ($2 ~ /^\[/) { while ($at !~ /\]$/) at++; at++ }
        uri = $(at + 1) ~ /-security$/ ? security : main
        if (uri != "" && $at ~ /^https?:/) $at = uri
      }
      { print }' "$1" ;;
  esac
}

use_mirror() {
  local file
  [ -n "$MIRROR" ] && [ "$MIRROR_OF" = "$(. /etc/os-release && echo "$ID")" ] || return 0
  mkdir -p "$build/sources.saved" "$build/sources.ours"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/{debian,ubuntu}.sources; do
    [ -s "$file" ] && [ ! -e "$build/sources.saved/${file##*/}" ] || continue
    cp -a "$file" "$build/sources.saved/"
    with_mirror "$file" >"$build/sources.ours/${file##*/}"
    cat "$build/sources.ours/${file##*/}" >"$file"
  done
}

# A sources file that a build script changed meanwhile is kept as it is then, and said.
restore_sources() {
  local saved file
  for saved in "$build"/sources.saved/*; do
    [ -e "$saved" ] || continue
    file=/etc/apt/sources.list.d/${saved##*/}
    case $saved in */sources.list) file=/etc/apt/sources.list ;; esac
    if cmp -s "$file" "$build/sources.ours/${saved##*/}"; then
      cp -a "$saved" "$file"
    else
      say "$file was changed by the build and names the mirror of this host"
    fi
    rm -f "$saved"
  done
}

# Reads the lists of packages, once in a build, from the mirror of the host if that works.
refresh_packages() {
  [ ! -e "$build/refreshed" ] || return 0
  hold_services
  use_mirror
  if ! apt-get update -qq -o APT::Update::Error-Mode=any; then
    say "Again with the base image's own package sources"
    restore_sources
    apt-get update -qq
  fi
  touch "$build/refreshed"
}
