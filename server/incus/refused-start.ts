/**
 * What a pre-start hook has to do before it refuses a start, in the shell: Incus leaves the cables of a container that did not start on
 * the host for good (seen with 6.0), and hundreds of them slow everything on the machine down. Only cables that Incus made.
 */
export const UNPLUG =
  'for c in $(sed -n "s/^ *lxc\\.net\\.[0-9]*\\.link *= *//p" $LXC_CONFIG_FILE); do case $c in veth*) ip link delete dev $c 2>/dev/null;; esac; done';
