import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Instance } from '../../../server/incus/types/instance.ts';
import type { Pool } from '../../../server/incus/types/storage.ts';
import { readDeadline, writeDeadline } from '../../../server/slots/deadline.ts';
import type { KernelSupport } from '../../../server/slots/kernel.ts';
import { type Limits, limitsFragment, withoutDiskLimits } from '../../../server/slots/limits.ts';
import { liveLimits } from '../../../server/slots/live-limits.ts';
import { hostParts } from '../../../server/slots/mount-table.ts';
import { troubleOf } from '../../../server/slots/trouble.ts';
import { isFailure } from '../../incus/support.ts';
import { desk, lines } from '../config/harness.ts';

const NONE: Limits = {
  cpuCount: '',
  cpuAllowance: '',
  cpuPriority: 0,
  memory: '',
  memoryEnforce: 'soft',
  memorySwap: 'true',
  processes: 0,
  diskSize: '',
  diskRead: '',
  diskWrite: '',
  diskMax: '',
  diskPriority: 0,
  tmpSize: '',
};
const FULL: KernelSupport = { has: () => true, cpus: 4 };
const without = (missing: string): KernelSupport => ({ has: controller => controller !== missing, cpus: 4 });
const pool = (driver: string): Pool => ({ name: 'p', driver, description: '', config: {}, status: 'Created' });

describe('limits as configured', () => {
  it('take away what is configured no more', () => {
    const { config, devices } = limitsFragment(NONE, undefined, FULL);
    assert.equal(devices, undefined);
    assert.deepEqual([...new Set(Object.values(config ?? {}))], ['']);
    assert.ok('limits.memory' in (config ?? {}));
    assert.ok(!('raw.lxc' in (config ?? {})), 'others add to it');
    const data = { type: 'disk', path: '/data', source: '/x', 'limits.read': '1MiB' };
    const disk = { type: 'disk', path: '/', pool: 'p' };
    const limited = {
      ...disk,
      'io.bus': 'nvme',
      size: '1GiB',
      'limits.read': '1MiB',
      'limits.write': '1MiB',
      'limits.max': '',
    };
    assert.deepEqual(withoutDiskLimits({ root: limited, data }), { root: { ...disk, 'io.bus': 'nvme' }, data });
  });

  it('need a pool that holds them', () => {
    const limits = { ...NONE, diskSize: '5GiB' };
    assert.throws(() => limitsFragment(limits, pool('dir'), FULL), isFailure('config', /cannot limit the size/));
    assert.equal(limitsFragment(limits, pool('btrfs'), FULL).devices?.root?.size, '5GiB');
  });

  it('need a kernel that holds them', () => {
    const cases: [Partial<Limits>, string][] = [
      [{ memory: '1GiB' }, 'memory'],
      [{ processes: 5 }, 'pids'],
      [{ cpuAllowance: '50%' }, 'cpu'],
      [{ cpuCount: '1' }, 'cpuset'],
      [{ diskPriority: 3 }, 'weights of disks'],
    ];
    for (const [limits, controller] of cases) {
      assert.throws(() => limitsFragment({ ...NONE, ...limits }, undefined, without(controller)), isFailure('config'));
      limitsFragment({ ...NONE, ...limits }, undefined, FULL);
    }
  });

  it('of the disk hold together: the one for both replaces none that is tighter', () => {
    const rootOf = (limits: Partial<Limits>) =>
      limitsFragment({ ...NONE, ...limits }, pool('btrfs'), FULL).devices?.root ?? {};
    const rates = ({ type: _, path: __, pool: ___, ...more }: Record<string, string>) => more;
    assert.deepEqual(rates(rootOf({ diskMax: '1GiB' })), { 'limits.max': '1GiB' });
    assert.deepEqual(rates(rootOf({ diskRead: '10MiB', diskMax: '1GiB' })), {
      'limits.read': '10MiB',
      'limits.write': '1GiB',
    });
    assert.deepEqual(rates(rootOf({ diskRead: '1GiB', diskWrite: '5MiB', diskMax: '10MiB' })), {
      'limits.read': '10MiB',
      'limits.write': '5MiB',
    });
    assert.throws(() => rootOf({ diskRead: '1GiB', diskMax: '20iops' }), isFailure('config', /operations/));
  });

  it('name CPUs that there are', () => {
    assert.throws(() => limitsFragment({ ...NONE, cpuCount: '0-4' }, undefined, FULL), isFailure('config', /CPU 4/));
    limitsFragment({ ...NONE, cpuCount: '0,3' }, undefined, FULL);
    limitsFragment({ ...NONE, cpuCount: '8' }, undefined, FULL);
  });
});

describe('amounts in the configuration', () => {
  const units = ['', 'B', 'kB', 'MB', 'GB', 'KiB', 'MiB', 'GiB'];
  const sizes = [...units, 'TB', 'PB', 'TiB', 'PiB'];
  const known = {
    'memory.limit': sizes,
    'memory.swap': sizes,
    'disk.read': [...units, '/s', 'MiB/s'],
    'disk.write': [...units, ...units.map(unit => `${unit}/s`)],
    'disk.max': units,
    'disk.size': sizes,
    'disk.tmpfs_size': sizes,
  };

  async function read(t: TestContext, limits: Record<string, string>): Promise<Record<string, string>> {
    const d = await desk(t);
    await d.user(
      `[limits]\n${Object.entries(limits)
        .map(([key, said]) => `${key} = "${said}"\n`)
        .join('')}`,
    );
    const config = await d.load();
    assert.deepEqual(lines(config.problems), []);
    const get = (key: string) => config.get(`limits.${key}` as 'limits.disk.size');
    return Object.fromEntries(Object.keys(limits).map(key => [key, get(key)]));
  }

  it('have the form of Incus however they are written', async t => {
    for (const amount of ['3', '1.5', '0.3 ', '4  '])
      for (let i = 0; i < 16; i += 1) {
        const said = Object.entries(known).map(([key, all]) => [key, `${amount}${all[i % all.length]}`]);
        const found = await read(t, Object.fromEntries(said));
        for (const [key, value] of Object.entries(found))
          assert.match(value, /^[1-9]\d*(B|[kMGTP]B|[KMGTP]iB)?$/, `${key} of ${said}`);
        // Some are counted here: the rates, and /tmp for the kernel.
        const [diskRead = '', diskMax = '', tmpSize = ''] = ['disk.read', 'disk.max', 'disk.tmpfs_size'].map(
          k => found[k],
        );
        limitsFragment({ ...NONE, diskRead, diskMax, tmpSize }, pool('btrfs'), FULL);
      }
  });

  it('stay what they are, or are rounded up to whole bytes', async t => {
    const said = { 'memory.limit': '50%', 'memory.swap': 'false', 'disk.read': '1.5 GiB/s', 'disk.write': '20iops' };
    assert.deepEqual(await read(t, said), { ...said, 'disk.read': '1536MiB' });
    assert.deepEqual(await read(t, { 'disk.size': '0.3kB', 'disk.tmpfs_size': '0.1' }), {
      'disk.size': '300B',
      'disk.tmpfs_size': '1B',
    });
  });
});

describe('limits changed live', () => {
  const instance = {
    expandedDevices: { root: { type: 'disk', path: '/', pool: 'p', size: '1GiB', 'limits.read': '1MiB' } },
  } as unknown as Instance;

  it('keep what the disk has besides', () => {
    assert.deepEqual(liveLimits({ 'limits.disk.size': '2GiB', 'limits.disk.read': '' }, instance), {
      devices: { root: { type: 'disk', path: '/', pool: 'p', size: '2GiB' } },
    });
  });

  it('take the units of Incus', () => {
    for (const value of ['5B', '5kB', '5MB', '5KiB', '5GiB', '5TiB'])
      assert.equal(liveLimits({ 'limits.memory': value }, instance).config?.['limits.memory'], value);
  });

  it('are only those that count at once, with values that mean something', () => {
    const bad: [string, string][] = [
      ['limits.kernel.nofile', '5'],
      ['security.privileged', 'true'],
      ['__proto__', 'x'],
      ['limits.memory', '0'],
      ['limits.memory', '5GiB\nraw.lxc=x'],
      ['limits.processes', '0'],
      ['limits.cpu', '0'],
      ['limits.disk.size', '50%'],
      // Incus takes neither.
      ['limits.disk.size', '2 GiB'],
      ['limits.memory', '512kiB'],
    ];
    for (const [key, value] of bad)
      assert.throws(() => liveLimits({ [key]: value }, instance), isFailure('invalid'), `${key}=${value}`);
  });
});

describe('a deadline', () => {
  it('is read as it was written, and nothing else is read', () => {
    for (const deadline of [
      { at: 1_800_000_000_000, stop: 60 },
      { at: 1_800_000_000_000, stop: 0 },
      { at: 1_800_000_000_000, stop: undefined },
    ])
      assert.deepEqual(readDeadline(writeDeadline(deadline)), deadline);
    for (const text of [undefined, '', 'soon stop 5', '2030-01-01T00:00:00Z', '2030-01-01T00:00:00Z stop -5'])
      assert.equal(readDeadline(text), undefined);
  });
});

describe('trouble', () => {
  const calm = { oomKills: 0, refusedProcesses: 0, memoryBytes: 2 ** 30, processes: 100, processesNow: 9 };

  it('is only what happened since', () => {
    const happened = { ...calm, oomKills: 3, refusedProcesses: 9 };
    assert.equal(troubleOf({ before: happened, now: { ...happened, processesNow: 100 } }), undefined);
    assert.equal(troubleOf({ before: calm, now: { ...happened, processesNow: 100 } })?.kind, 'processes');
    assert.match(troubleOf({ before: calm, now: happened })?.message ?? '', /3 processes.*1 GiB/);
  });

  it('counts a slot in which nothing can be run as crowded', () => {
    const refused = { ...calm, refusedProcesses: 1 };
    assert.equal(troubleOf({ before: calm, now: refused }), undefined);
    assert.equal(troubleOf({ before: calm, now: refused, stuck: true })?.kind, 'processes');
  });

  it('tells a full slot from a full pool', () => {
    assert.match(troubleOf({ full: ['disk'], diskLimit: '5GiB' })?.message ?? '', /5GiB.*Raise limits.disk.size/);
    assert.match(troubleOf({ full: ['disk'] })?.message ?? '', /storage pool is full/);
    assert.equal(troubleOf({ full: ['tmp'] })?.kind, 'tmp');
  });
});

describe('the mount table', () => {
  const HOST = [
    '1 0 8:1 / / rw - ext4 /dev/sda1 rw',
    '2 1 0:44 / /var/lib/incus/storage-pools/default rw - btrfs /dev/loop0 rw',
    '3 1 0:20 / /run rw - tmpfs tmpfs rw',
    '4 1 0:6 / /dev rw - devtmpfs devtmpfs rw',
    '5 1 0:7 / /proc rw - proc proc rw',
  ].join('\n');
  const inside = (...lines: string[]) =>
    hostParts(['1 0 0:44 /containers/c/rootfs / rw,idmapped - btrfs /dev/loop0 rw', ...lines].join('\n'), HOST);

  it('shows folders, sockets and devices of the host', () => {
    const parts = inside(
      '2 1 8:1 /home/me/my\\040project /workspace rw - ext4 /dev/sda1 rw',
      '3 1 0:20 /incus.socket /run/incus.socket rw - tmpfs tmpfs rw',
      '4 1 0:6 /null /dev/null rw - devtmpfs devtmpfs rw',
      '5 1 0:6 /kmsg /dev/kmsg rw - devtmpfs devtmpfs rw',
      '6 1 0:7 / /host-proc rw - proc proc rw',
      '7 1 0:99 / /incus rw - tmpfs tmpfs rw',
    );
    assert.deepEqual(parts.mounts, [
      { source: '/proc', path: '/host-proc', readonly: false },
      { source: '/run/incus.socket', path: '/run/incus.socket', readonly: false },
      { source: '/home/me/my project', path: '/workspace', readonly: false },
    ]);
    assert.deepEqual(parts.devices, ['/dev/kmsg']);
  });

  it('leaves out locks, but not what is writable below a read-only one', () => {
    const lock = '3 2 8:1 /ws/.git /workspace/.git ro - ext4 /dev/sda1 rw';
    const rw = inside('2 1 8:1 /ws /workspace rw - ext4 /dev/sda1 rw', lock);
    assert.deepEqual(rw.mounts, [{ source: '/ws', path: '/workspace', readonly: false }]);
    const ro = inside(
      '2 1 8:1 /ws /workspace ro - ext4 /dev/sda1 rw',
      '3 2 8:1 /ws/out /workspace/out rw - ext4 /dev/sda1 rw',
      '4 2 8:1 /etc /workspace/etc ro - ext4 /dev/sda1 rw',
    );
    assert.deepEqual(
      ro.mounts.map(({ path, readonly }) => `${path} ${readonly}`),
      ['/workspace true', '/workspace/etc true', '/workspace/out false'],
    );
  });

  it('tells the guest API and a /tmp in memory', () => {
    const parts = inside('2 1 0:77 / /tmp rw - tmpfs tmpfs rw,size=16384k', '3 1 0:20 /x /dev/incus rw - tmpfs t rw');
    assert.equal(parts.tmpBytes, 16 * 2 ** 20);
    assert.equal(parts.guestApi, true);
  });
});
