#!/usr/bin/env bash
# Makes the image of the tests: the base image with user code (1000), tmux, git, Node and the real agents from npm. Needs root.
# Usage: test-image.sh OUT.tar.zst BASE.tar.zst NODE_FOLDER AGENT_PACKAGE...
set -euo pipefail
out=$1 base=$2 node=$3
shift 3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/rootfs
tar -I zstd --numeric-owner -xf "$base" -C "$work"

# Inside, names are resolved by a service that runs only in a booted container.
mkdir -p "$root/run/systemd/resolve"
cp -L /etc/resolv.conf "$root/run/systemd/resolve/stub-resolv.conf"
in_root() { chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 "$@"; }
in_root apt-get update -qq >"$work/log" 2>&1 || { tail -n 25 "$work/log"; exit 1; }
in_root apt-get install -y -qq --no-install-recommends tmux sudo git procps curl python3-minimal >"$work/log" 2>&1 ||
  { tail -n 25 "$work/log"; exit 1; }
in_root useradd -m -u 1000 -s /bin/bash code
echo 'code ALL=(ALL) NOPASSWD:ALL' >"$root/etc/sudoers.d/code"
chmod 440 "$root/etc/sudoers.d/code"

install -D "$node/bin/node" "$root/opt/node/bin/node"
ln -s /opt/node/bin/node "$root/usr/local/bin/node"
mkdir -p "$root/opt/agents"
echo '{"private":true}' >"$root/opt/agents/package.json"
npm install --prefix "$root/opt/agents" --no-audit --no-fund --loglevel=error --foreground-scripts "$@" >"$work/log" 2>&1 ||
  { tail -n 25 "$work/log"; exit 1; }
for program in "$root"/opt/agents/node_modules/.bin/{claude,codex,opencode,gemini}; do
  ln -s "/opt/agents/node_modules/.bin/$(basename "$program")" "$root/usr/local/bin/"
done
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root/run/systemd/resolve"

cat >"$work/metadata.yaml" <<Y
architecture: $(uname -m)
creation_date: $(date +%s)
properties: {description: "Incus Agents test image"}
Y
tar -I 'zstd -1 -T0' --numeric-owner -cf "$out.part" -C "$work" metadata.yaml rootfs
mv "$out.part" "$out"
