# Waits for a route and a working name server. Without lookup of names for 5 s the name server is taken to be broken.
limit=$((SECONDS + NETWORK_TIMEOUT))
repair_after=$((SECONDS + 5))

has_route() {
  awk '$2 == "00000000" { found = 1 } END { exit !found }' /proc/net/route && return
  awk '$1 ~ /^0+$/ && $2 == "00" && $10 != "lo" { found = 1 } END { exit !found }' /proc/net/ipv6_route 2>/dev/null
}

gateway() { awk '$2 == "00000000" { print $3; exit }' /proc/net/route; }

# The address of the router from the kernel's table, where it is in hexadecimal and back to front.
address() { printf '%d.%d.%d.%d\n' "0x${1:6:2}" "0x${1:4:2}" "0x${1:2:2}" "0x${1:0:2}"; }

# Any host that packages come from will do.
package_hosts() { cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | sed -n 's#^[^\#]*https\{0,1\}://\([^/: ]*\).*#\1#p' | sort -u; }

looks_up() {
  local host hosts
  hosts=$(package_hosts)
  [ -n "$hosts" ] || return 0
  for host in $hosts; do getent hosts "$host" >/dev/null && return 0; done
  return 1
}

# A resolv.conf that names nobody, or a resolver of its own that does not run, is replaced for the time of the build
# by the router, which answers on the networks that Incus manages.
repair_lookup() {
  [ -e "$build/resolv.conf.saved" ] && return
  case $(awk '$1 == "nameserver" { print $2; exit }' /etc/resolv.conf 2>/dev/null) in
  '' | 127.*) ;;
  *) return ;;
  esac
  local router
  router=$(gateway)
  [ -n "$router" ] || return 0
  say "Names cannot be looked up with this resolv.conf; using $(address "$router") during the build"
  cp -a /etc/resolv.conf "$build/resolv.conf.saved" 2>/dev/null || touch "$build/resolv.conf.none" "$build/resolv.conf.saved"
  rm -f /etc/resolv.conf
  echo "nameserver $(address "$router")" >/etc/resolv.conf
}

until has_route && looks_up; do
  if ((SECONDS >= limit)); then
    if has_route; then
      echo "No name could be looked up within $NETWORK_TIMEOUT s: $(package_hosts | tr '\n' ' ')" >&2
    else
      echo "The container got no address and route within $NETWORK_TIMEOUT s" >&2
    fi
    exit 1
  fi
  if ((SECONDS >= repair_after)) && has_route; then repair_lookup; fi
  sleep 0.2
done
