#!/usr/bin/env bash
# Makes a base image for Incus from the distribution's own packages: systemd with a network, and nothing else. Needs root.
# It reaches the network as this machine does: same mirror, same proxy for apt, same extra certificates.
# Usage: base-image.sh OUT.tar.zst SUITE MIRROR SOURCES_LIST
set -euo pipefail
out=$1 suite=$2 mirror=$3 sources=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/rootfs

debootstrap --variant=minbase \
  --include=systemd,systemd-sysv,systemd-resolved,udev,dbus,iproute2,ca-certificates \
  "$suite" "$root" "$mirror" >"$work/log" 2>&1 || { tail -n 25 "$work/log" "$root/debootstrap/debootstrap.log" 2>/dev/null; exit 1; }

# Addresses by DHCP, names by systemd-resolved.
printf '[Match]\nName=eth0\n\n[Network]\nDHCP=ipv4\n\n[DHCPv4]\nUseDomains=true\n' >"$root/etc/systemd/network/eth0.network"
chroot "$root" systemctl enable --quiet systemd-networkd systemd-resolved
chroot "$root" systemctl disable --quiet systemd-networkd-wait-online
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# An image is no machine: each container gets its own identity at its first start.
: >"$root/etc/machine-id"
rm -f "$root/etc/hostname" "$root/var/lib/dbus/machine-id"

cp "$sources" "$root/etc/apt/sources.list"
apt-config dump | grep -E '^Acquire::https?::Proxy' >"$root/etc/apt/apt.conf.d/90proxy" || rm "$root/etc/apt/apt.conf.d/90proxy"
find /usr/local/share/ca-certificates -name '*.crt' -exec cp -t "$root/usr/local/share/ca-certificates" {} + 2>/dev/null || true
chroot "$root" update-ca-certificates >/dev/null 2>&1
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

cat >"$work/metadata.yaml" <<Y
architecture: $(uname -m)
creation_date: $(date +%s)
properties: {description: "$suite, made from packages of the distribution", release: "$suite"}
Y
tar -I 'zstd -1 -T0' --numeric-owner -cf "$out.part" -C "$work" metadata.yaml rootfs
mv "$out.part" "$out"
