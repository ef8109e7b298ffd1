// An Incus daemon that can run containers. One that is there already is used as it is.
import { existsSync, readdirSync, readFileSync, statfsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { adminGroup, answers, inAdminGroup, incus, query, socketUsable } from './incus-cli.mjs';
import { asRoot, isRoot, PrepareError, run, tryRun, which } from './shell.mjs';
import { freeSubnet } from './subnet.mjs';

/** @typedef {import('./plan.mjs').Step} Step */

/** Packages for a daemon; none where somebody has installed Incus in another way. */
export function incusPackages() {
  const daemon = which('incus') ? [] : ['incus-base', 'incus-client', 'dnsmasq-base'];
  return [
    ...daemon,
    'btrfs-progs',
    'nftables',
    'tmux',
    'uidmap',
    ...(existsSync('/sys/module/apparmor') ? ['apparmor'] : []),
  ];
}

/** @returns {Step[]} */
export function incusSteps() {
  return [idmapStep(), watchStep(), daemonStep(), profileStep(), accountingStep(), ...(isRoot ? [] : [groupStep()])];
}

/** Lines that let containers have ids of their own, and the owners of workspaces be mapped into them. */
function wantedIds(file) {
  const { uid, gid } = userInfo();
  const own = file === '/etc/subuid' ? (process.env.SUDO_UID ?? uid) : (process.env.SUDO_GID ?? gid);
  const singles = [...new Set([1000, Number(own)])].filter(id => id > 0).map(id => `root:${id}:1`);
  const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
  const hasRange = lines.some(line => /^(root|0):\d+:(\d+)$/.test(line) && Number(line.split(':')[2]) >= 65_536);
  return [...(hasRange ? [] : ['root:1000000:1000000000']), ...singles].filter(line => !lines.includes(line));
}

/** @returns {Step} */
function idmapStep() {
  const files = ['/etc/subuid', '/etc/subgid'];
  return {
    title: 'let containers map user ids (lines for root in /etc/subuid and /etc/subgid)',
    root: true,
    missing: () => files.some(file => wantedIds(file).length > 0),
    make: () => {
      for (const file of files) {
        const input = wantedIds(file)
          .map(line => `${line}\n`)
          .join('');
        if (input) run(asRoot(['tee', '-a', file]), { input });
      }
    },
  };
}

const watches = '/proc/sys/fs/inotify/max_user_instances';
const wantedWatches = 1024;

/**
 * Every container's systemd watches files, and all of them count against the limit of the host's root: with the kernel's default
 * of 128 the init of some thirtieth container ends as soon as it has started.
 * @returns {Step}
 */
function watchStep() {
  const text = `fs.inotify.max_user_instances = ${wantedWatches}\n`;
  return {
    title: `let many containers watch files (fs.inotify.max_user_instances = ${wantedWatches})`,
    root: true,
    missing: () => Number(readFileSync(watches, 'utf8')) < wantedWatches,
    make: () => {
      run(asRoot(['tee', '/etc/sysctl.d/60-incus-agents.conf']), { input: text });
      run(asRoot(['tee', watches]), { input: `${wantedWatches}\n` });
    },
  };
}

// Where no systemd runs (a container, WSL without it), the two daemons are started by hand and outlive this shell.
// $1 is incusd. The limit of open files is raised where that is allowed.
const startByHand = `mkdir -p /var/log/incus /var/lib/lxcfs
if command -v lxcfs >/dev/null && ! mountpoint -q /var/lib/lxcfs; then
  setsid lxcfs /var/lib/lxcfs >/var/log/lxcfs.log 2>&1 </dev/null &
fi
ulimit -n 1048576 2>/dev/null || true
setsid "$1" --group ${adminGroup} --logfile=/var/log/incus/incus.log >/dev/null 2>&1 </dev/null &`;

/** @returns {Step} */
function daemonStep() {
  return {
    title: 'start the Incus daemon',
    root: true,
    missing: () => !answers(),
    make: () => {
      if (existsSync('/run/systemd/system')) run(asRoot(['systemctl', 'enable', '--now', 'incus.socket']));
      else run(asRoot(['sh', '-c', startByHand, 'sh', daemonProgram()]), { stdio: ['ignore', 'ignore', 'pipe'] });
      run(asRoot(['incus', 'admin', 'waitready', '--timeout=60']));
    },
  };
}

function daemonProgram() {
  const listed = tryRun(['dpkg', '-L', 'incus-base'])
    .stdout.split('\n')
    .find(file => file.endsWith('/incusd'));
  const program = listed ?? which('incusd');
  if (program) return program;
  throw new PrepareError(
    'Incus is installed but does not run, and its daemon was not found. Start it and run this again.',
  );
}

function devices() {
  return Object.values(query('/1.0/profiles/default')?.devices ?? {});
}

const hasDisk = () => devices().some(device => device.type === 'disk' && device.path === '/');
const hasNetwork = () => devices().some(device => device.type === 'nic');

/** @returns {Step} */
function profileStep() {
  return {
    title: 'give Incus a storage pool (btrfs where possible) and a bridge, in its default profile',
    root: true,
    missing: () => !hasDisk() || !hasNetwork(),
    make: () => {
      if (!hasDisk()) incus(['profile', 'device', 'add', 'default', 'root', 'disk', 'path=/', `pool=${pool()}`]);
      if (!hasNetwork()) incus(['profile', 'device', 'add', 'default', 'eth0', 'nic', `network=${bridge()}`]);
    },
  };
}

/** A pool that is there, else a new one that copies on write, so that a container is made in a moment; else a plain folder. */
function pool() {
  const present = query('/1.0/storage-pools')?.[0]?.split('/').at(-1);
  if (present) return present;
  const { bavail, bsize } = statfsSync('/var/lib/incus');
  const size = Math.max(5, Math.min(30, Math.floor((bavail * bsize) / 2 / 2 ** 30)));
  try {
    incus(['storage', 'create', 'default', 'btrfs', `size=${size}GiB`]);
  } catch (error) {
    console.log(`  no btrfs pool (${error.message.split('\n').at(-1)}): using a plain folder, which is slower`);
    incus(['storage', 'create', 'default', 'dir']);
  }
  return 'default';
}

/**
 * Once a container has a disk of limited size, btrfs accounts for the whole pool, and goes on when that container is gone: then making
 * and deleting containers takes many times as long. Only done where nobody uses it, and on a pool in a file of Incus's own.
 * @returns {Step}
 */
function accountingStep() {
  const place = () => `/var/lib/incus/storage-pools/${devices().find(device => device.path === '/')?.pool}`;
  return {
    title: () =>
      `turn off the accounting of disk sizes on ${place()}, which nobody uses and which slows containers down`,
    root: true,
    missing: () => accounts(place()) && !someSizes(),
    make: () => {
      run(asRoot(['btrfs', 'quota', 'disable', place()]));
    },
  };
}

/** Whether the file system that is mounted there is a btrfs in a file that accounts for sizes. */
function accounts(place) {
  const line = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .find(one => one.split(' ')[4] === place);
  const device = line?.split(' - ')[1]?.split(' ')[1]?.split('/').at(-1);
  if (!device?.startsWith('loop') || !existsSync('/sys/fs/btrfs')) return false;
  return readdirSync('/sys/fs/btrfs').some(
    id => existsSync(`/sys/fs/btrfs/${id}/devices/${device}`) && existsSync(`/sys/fs/btrfs/${id}/qgroups`),
  );
}

function someSizes() {
  const instances = query('/1.0/instances?recursion=1&all-projects=true') ?? [];
  return instances.some(({ expanded_devices: all }) => Object.values(all).some(device => device.size !== undefined));
}

function bridge() {
  const networks = query('/1.0/networks?recursion=1') ?? [];
  const present = networks.find(network => network.managed && network.type === 'bridge');
  if (present) return present.name;
  incus(['network', 'create', 'incusbr0', `ipv4.address=${freeSubnet()}`, 'ipv4.nat=true', 'ipv6.address=none']);
  return 'incusbr0';
}

/** @returns {Step} */
function groupStep() {
  const { username } = userInfo();
  return {
    title: `put ${username} into the group ${adminGroup} (its members control Incus, and through it this machine)`,
    root: true,
    missing: () => !socketUsable() && !inAdminGroup(),
    make: () => {
      run(asRoot(['usermod', '-aG', adminGroup, username]));
    },
  };
}
