# Docker and Podman of the distribution. Neither runs until it is used.

say 'Installing Docker and Podman'
refresh_packages
compose=$(available docker-compose-v2)
# "docker-compose" is the old program in Python before its version 2.
[ -n "$compose" ] || ! apt-cache policy docker-compose | grep -q 'Candidate: [2-9]' || compose=docker-compose
install_packages docker.io iptables $(available docker-cli docker-buildx) $compose \
  podman uidmap $(available slirp4netns passt fuse-overlayfs netavark aardvark-dns crun buildah)

usermod --append --groups docker code
# Addresses that seldom meet those of a home or an office, and a storage driver that works on every pool.
provide 644 /etc/docker/daemon.json <<'EOF'
{
  "bip": "172.30.0.1/24",
  "default-address-pools": [{ "base": "172.31.0.0/16", "size": 24 }],
  "storage-driver": "overlay2"
}
EOF
# The socket starts the daemon at the first "docker …"; fifty slots do not pay for fifty idle daemons.
systemctl disable -q docker.service containerd.service podman.service podman-restart.service podman-auto-update.timer 2>/dev/null || true
systemctl enable -q docker.socket
