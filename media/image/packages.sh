# The base system of a slot.
. "$build/sources.sh"

hold_services
use_mirror
if ! apt-get update -qq; then
  say "Again with the base image's own package sources"
  restore_sources
  apt-get update -qq
fi

say 'Installing the base packages'
install_packages \
  systemd systemd-sysv dbus tmux sudo git curl wget ca-certificates ripgrep jq less procps iproute2 iputils-ping lsof file \
  unzip zip xz-utils openssh-client build-essential python3 python3-venv nano tree strace sqlite3 bash-completion libnss-myhostname
