# Functions that the phases share.

say() { printf '== %s\n' "$*"; }

have() { command -v "$1" >/dev/null 2>&1; }

# Those of the named packages that this distribution has.
available() {
  local package
  for package; do
    if [ -n "$(apt-cache madison "$package" 2>/dev/null)" ]; then echo "$package"; fi
  done
}

install_packages() { apt-get install -y -qq --no-install-recommends "$@"; }

# Writes standard input to a file with the mode, unless the image has a file of its own there.
provide() { [ -e "$2" ] || install -D -m "$1" /dev/stdin "$2"; }

# A service must not start during the build: what it writes would be in every container.
hold_services() {
  [ -e /usr/sbin/policy-rc.d ] && return
  printf '#!/bin/sh\n# incus-agents-build\nexit 101\n' >/usr/sbin/policy-rc.d
  chmod 755 /usr/sbin/policy-rc.d
}

release_services() {
  if grep -q '^# incus-agents-build$' /usr/sbin/policy-rc.d 2>/dev/null; then rm -f /usr/sbin/policy-rc.d; fi
}
