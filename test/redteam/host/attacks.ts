import { existsSync } from 'node:fs';
import type { Attack } from '../attack.ts';

/** What no attack may show: the name of it is in the environment, the home and the socket of the host's user. */
export const SECRET = 'the-hosts-own-secret';

/** In the command line of a process of another slot. */
export const VICTIM = 'victim-of-another-slot';

/** Goes before every attack. Whatever is said to be reached was not to be reached. */
export const HELPERS = `
reached() { echo "REACHED: $*"; }
openable() { for f in "$@"; do [ -e "$f" ] && ( : >>"$f" ) 2>/dev/null && reached "$f"; done; }
exec 2>/dev/null
`;

const ROOT = ['root'] as const;

/** Attacks on the host, whose control is the host itself: none of them changes anything there. */
export function onHost(home: string, workspace: string): Attack[] {
  return [
    {
      name: 'environment of the host',
      script: 'cat /proc/*/environ /proc/*/task/*/environ | tr "\\0" "\\n" | grep -a secret',
    },
    {
      name: 'home of the user',
      script: `for r in "" /proc/1/root /proc/*/root /proc/*/cwd /dev/.incus-mounts /..; do cat "$r${home}/.ssh/key" "$r${home}"/.coi/*.toml; done`,
    },
    {
      name: 'SSH agent',
      script: `[ -n "$SSH_AUTH_SOCK" ] && reached "$SSH_AUTH_SOCK"; for r in "" /proc/*/root; do ls "$r${home}/agent"; done`,
    },
    {
      name: 'socket of Incus',
      script:
        'for p in /var/lib/incus/unix.socket /run/incus.socket /var/lib/incus/guestapi/sock /dev/incus/sock /dev/lxd/sock; do [ -e $p ] && reached $p; done',
    },
    {
      name: 'kernel log',
      script:
        'dmesg | head -1 | grep -q . && reached dmesg; timeout 1 dd if=/dev/kmsg bs=8192 count=1 | grep -q . && reached kmsg; timeout 1 head -c1 /proc/kmsg | grep -q . && reached /proc/kmsg',
    },
    {
      name: 'memory of the kernel',
      script:
        'for f in /proc/kcore /dev/mem /dev/port; do head -c1 $f | grep -qa . && reached $f; done; grep -qv "^0* " /proc/kallsyms && reached addresses',
    },
    {
      name: 'settings of the kernel',
      script:
        'openable /proc/sys/vm/swappiness /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/fs/file-max /proc/sys/kernel/panic /proc/sysrq-trigger /sys/power/state /sys/kernel/uevent_helper /sys/kernel/mm/ksm/run /proc/irq/default_smp_affinity',
    },
    {
      name: 'control groups above its own',
      script:
        'openable /sys/fs/cgroup/release_agent /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/pids.max /sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max /sys/fs/cgroup/*/pids.max /sys/fs/cgroup/*/memory.limit_in_bytes /sys/fs/cgroup/*/cpu.cfs_quota_us /sys/fs/cgroup/*/cpu.shares /sys/fs/cgroup/*/devices.allow; for c in pids memory; do unshare -m sh -c "mount -t cgroup -o $c x /mnt && cd /mnt && : >>release_agent" && reached "mounted $c"; done',
      as: ROOT,
    },
    {
      name: 'disks and memory as device nodes',
      script: `d=$(mktemp -d); n=0; try() { n=$((n+1)); mknod $d/$n $1 $2 $3 && head -c1 $d/$n | grep -qa . && reached "$*"; }
try c 1 1; try c 1 4; try c 1 11; tail -n +3 /proc/partitions | while read a b c e; do try b $a $b; done; rm -rf $d
for f in /dev/vda* /dev/sda* /dev/nvme* /dev/loop* /dev/dm-*; do [ -e $f ] && head -c1 $f | grep -qa . && reached $f; done`,
    },
    {
      name: 'file systems of the kernel',
      script:
        'for t in debugfs tracefs securityfs devtmpfs configfs efivarfs pstore; do unshare -m mount -t $t x /mnt && reached $t; done',
    },
    {
      name: 'modules',
      // Where the kernel knows no modules, there is nothing to show.
      control: existsSync('/proc/modules'),
      script: `perl -e 'my $b = "garbage" x 99; syscall(175, $b, length $b, ""); print "REACHED: init_module says $!\\n" unless $!{EPERM} || $!{ENOSYS}'`,
    },
    {
      name: 'clock, swap and reboot of the machine',
      script: `perl -e 'my $t = "\\0" x 256; my @c = (["swapon", 167, "/nonexistent", 0], ["acct", 163, "/nonexistent"], ["kexec", 246, 0, 99, 0, 0]);
for (@c) { my ($n, $c, @a) = @$_; syscall($c, @a); print "REACHED: $n says $!\\n" unless $!{EPERM} || $!{ENOSYS} }'`,
      as: ROOT,
    },
    {
      name: 'files of root, set-uid, in the workspace',
      script: `cd ${workspace} && cp /bin/true suid && chown 0:0 suid; chmod 6755 suid; ls -ln suid`,
    },
    {
      name: 'device nodes in the workspace',
      script: `cd ${workspace} && mknod node c 1 1; mknod disk b 7 0; mknod zero c 1 5`,
      as: ROOT,
    },
  ];
}

/** Attacks on another slot, whose control is the inside of that slot. */
export const ON_SLOTS: Attack[] = [
  { name: 'signals to everybody', script: 'setsid sh -c "kill -URG -1"; kill -URG 0' },
  {
    name: 'processes of others',
    script: `me=$$; for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline | grep -q "^sh -c .*${VICTIM}" && [ \${p#/proc/} != $me ] && reached $p; done`,
  },
  {
    name: 'memory of others',
    script: `for p in /proc/[0-9]*; do tr "\\0" " " <$p/cmdline | grep -q "^sh -c .*${VICTIM}" || continue; perl -e 'my $p = 0 + $ARGV[0]; syscall(101, 16, $p, 0, 0) == 0 or exit; print "REACHED: traced\\n"; waitpid($p, 0); syscall(101, 17, $p, 0, 0)' \${p#/proc/}; done`,
  },
  { name: 'files of others', script: `cat /home/code/${VICTIM} /proc/*/root/home/code/${VICTIM} | grep -a secret` },
  {
    name: 'shared memory and queues of others',
    script: `ipcs -m | grep -q 0x00c0ffee && reached "shared memory"; for f in /dev/shm/${VICTIM} /dev/mqueue/${VICTIM}; do [ -e $f ] && reached $f; done`,
  },
];
