# The base system of a slot.
say 'Installing the base packages'
refresh_packages
install_packages \
  systemd systemd-sysv dbus tmux sudo git curl wget ca-certificates ripgrep jq less procps iproute2 iputils-ping lsof file \
  unzip zip xz-utils openssh-client build-essential python3 python3-venv nano tree strace sqlite3 bash-completion libnss-myhostname
