# Takes away what belongs to this container or to the machine that built it.

restore_sources
if [ -e "$build/resolv.conf.none" ]; then
  rm -f /etc/resolv.conf
elif [ -e "$build/resolv.conf.saved" ]; then
  rm -f /etc/resolv.conf
  cp -a "$build/resolv.conf.saved" /etc/resolv.conf
fi
release_services

apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /root/.npm /root/.cache /home/code/.npm /home/code/.cache /var/log/apt /var/log/dpkg.log \
  /var/log/alternatives.log /var/log/journal/*

# Each container gets an id of its own, and its name from Incus: systemd keeps that one if there is no file.
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id /etc/hostname /etc/ssh/ssh_host_*
if [ -d /var/lib/dbus ]; then ln -s /etc/machine-id /var/lib/dbus/machine-id; fi
rm -f /var/lib/dhcp/*.leases /var/lib/systemd/random-seed

sync
