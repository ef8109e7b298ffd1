# The user that agents run as, and what makes the container a place to live in.

say 'Setting up the user code'
if ! id -u code >/dev/null 2>&1; then
  other=$(getent passwd 1000 | cut -d: -f1 || true)
  if [ -n "$other" ]; then # such as "ubuntu" of cloud images: the id is what counts
    usermod --login code --home /home/code --move-home --shell /bin/bash "$other"
    groupmod --new-name code "$(getent group 1000 | cut -d: -f1)"
  else
    getent group 1000 >/dev/null || groupadd --gid 1000 code
    useradd --create-home --uid 1000 --gid 1000 --shell /bin/bash code
  fi
fi
echo 'code ALL=(ALL) NOPASSWD:ALL' | install -m 440 /dev/stdin /etc/sudoers.d/code
install -d -o code -g code -m 755 /home/code/.local /home/code/.local/bin

provide 644 /etc/tmux.conf <<'EOF'
set -g default-terminal "tmux-256color"
set -g history-limit 50000
set -s escape-time 10
set -g mouse on
set -g focus-events on
set -g set-clipboard on
EOF

# Ends the container from inside; the mark tells the host that it was meant.
install -d /usr/local/bin
for name in close stop poweroff shutdown halt; do
  provide 755 /usr/local/bin/$name <<'EOF'
#!/bin/sh
# Powers this container off. The workspace and the conversation stay on the host.
sudo touch /run/coi-shutdown-requested
exec sudo systemctl --force poweroff
EOF
done

# Old files in /tmp go after ten days, nothing goes at boot, and sockets of tmux never: a session may be older.
provide 644 /etc/tmpfiles.d/tmp.conf <<'EOF'
q /tmp 1777 root root 10d
q /var/tmp 1777 root root 30d
x /tmp/tmux-*
EOF

# What a container does not need at boot.
for unit in apt-daily.timer apt-daily-upgrade.timer man-db.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  unattended-upgrades.service systemd-networkd-wait-online.service; do
  systemctl disable -q "$unit" 2>/dev/null || true
done
if [ "$CLOUD_INIT" != true ] && [ -d /etc/cloud ]; then touch /etc/cloud/cloud-init.disabled; fi
