#!/bin/sh
# Run as root by start.sh: which names there are inside, and who is asked for others, as configured. What an earlier start left is
# replaced, or taken back where nothing is configured any more. Reads etc/incus-agents/hosts (lines of /etc/hosts) and
# etc/incus-agents/resolvers (an address a line). $1 the root of the system; empty, but for tests
root=${1-}
own=$root/etc/incus-agents
first='# BEGIN Incus Agents (do not edit this block)' last='# END Incus Agents'

hosts() {
  file=$root/etc/hosts
  [ -s "$own/hosts" ] || grep -qsxF -- "$first" "$file" || return 0
  [ -e "$file" ] || : >"$file"
  # A block that has lost its end is none: what follows on it is not ours.
  FIRST=$first LAST=$last awk '
    $0 == ENVIRON["FIRST"] { printf "%s", held; held = ""; skip = 1 }
    !skip { print }
    skip { held = held $0 "\n" }
    skip && $0 == ENVIRON["LAST"] { held = ""; skip = 0 }
    END { printf "%s", held }
  ' "$file" >"$own/hosts.new" || return 1
  if [ -s "$own/hosts" ]; then
    [ ! -s "$own/hosts.new" ] || [ -z "$(tail -c 1 "$own/hosts.new")" ] || echo >>"$own/hosts.new"
    { echo "$first"; cat "$own/hosts"; echo "$last"; } >>"$own/hosts.new"
  fi
  cat "$own/hosts.new" >"$file" && rm -f "$own/hosts.new"
}

is_ours() { [ ! -L "$root/etc/resolv.conf" ] && grep -qsxF -- "$first" "$root/etc/resolv.conf"; }

# Puts a text into a file in a directory that is there; without a text the file goes. Says by its exit code whether that changed it.
place() {
  [ -d "${1%/*}" ] || return 1
  if [ -z "$2" ]; then [ -e "$1" ] && rm -f "$1"
  else [ "$(cat "$1" 2>/dev/null)" != "$2" ] && printf '%s\n' "$2" >"$1"; fi
}

resolvers() {
  conf=$root/etc/resolv.conf
  servers=$(cat "$own/resolvers" 2>/dev/null)
  [ -n "$servers" ] || is_ours || return 0
  dhclient='' resolved=''
  if [ -n "$servers" ]; then
    if ! is_ours; then rm -f "$own/resolv.conf.before"; [ ! -e "$conf" ] && [ ! -L "$conf" ] || mv "$conf" "$own/resolv.conf.before"; fi
    { echo "$first"; printf '%s\n' "$servers" | sed 's/^/nameserver /'; echo "$last"; } >"$conf.new" && mv "$conf.new" "$conf" || return 1
    # Who gets addresses gets resolvers with them, and would put them here.
    dhclient='make_resolv_conf() { :; }'
    resolved=$(printf '[Resolve]\nDNS=%s\nDomains=~.' "$(echo $servers)")
    [ ! -d "$root/etc/systemd" ] || mkdir -p "$root/etc/systemd/resolved.conf.d"
  else
    rm -f "$conf"
    [ ! -e "$own/resolv.conf.before" ] && [ ! -L "$own/resolv.conf.before" ] || mv "$own/resolv.conf.before" "$conf"
  fi
  place "$root/etc/dhcp/dhclient-enter-hooks.d/incus-agents" "$dhclient"
  # It answers programs that do not look into resolv.conf. One that has not begun yet reads its settings when it does.
  place "$root/etc/systemd/resolved.conf.d/incus-agents.conf" "$resolved" || return 0
  [ -z "$root" ] || return 0
  case $(systemctl is-active systemd-resolved 2>/dev/null) in
    active | activating) systemctl --no-block restart systemd-resolved ;;
  esac
  return 0
}

hosts && resolvers || exit 1
# By this the next start knows that there is something to take back.
if [ -s "$own/hosts" ] || [ -s "$own/resolvers" ]; then : >"$own/named"; else rm -f "$own/named"; fi
