#!/bin/sh
# `poweroff` and `reboot` for the code user: they end the container in order.
exec sudo -n systemctl --no-block "${0##*/}"
