import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { coiName, incusCli, incusCliSoon, makeLab } from '../incus/flows/support.ts';
import { uniqueName, until } from '../incus/support.ts';
import { inReverse } from './protect/place.ts';
import { Table } from './table.ts';

const run = promisify(execFile);
const skip = process.getuid?.() !== 0;

const CONFIG = `
[limits.memory]
limit = "400MiB"
enforce = "hard"
swap = "false"
[limits.runtime]
max_processes = 200
[limits.disk]
tmpfs_size = "16MiB"
`;

/** What uses up a resource, and what stays of it until it is stopped. */
const ATTACKS = [
  {
    name: 'a fork bomb',
    script: 'f() { sleep 600 & f | f & }; f; for i in $(seq 400); do sleep 600 & done; sleep 3',
    // The shell ends at the first fork that is refused; that the limit is told then is tested with the limits.
    reaches: false,
  },
  { name: 'all memory', script: 'for i in 1 2 3; do tail /dev/zero & done; wait', reaches: true },
  { name: 'all of /tmp', script: 'head -c 64M /dev/zero >/tmp/fill; df -Pk /tmp | tail -1', reaches: true },
  {
    name: 'all files of /tmp',
    script: 'perl -e \'for (1..500000) { open(my $f, ">", "/tmp/f$_") or exit }\'; df -Pi /tmp | tail -1',
    // Their number is bounded by memory, which may be reached before.
    reaches: false,
  },
] as const;

const BOOTED = 'timeout 20 sh -c "until systemctl is-active -q systemd-tmpfiles-setup; do sleep 0.2; done"';

/** Longest (ms) that anything else may take meanwhile: slow is allowed on a small machine, stuck is not. */
const PATIENCE = 60_000;

for (const as of ['root', 'code'] as const)
  test(`using up everything inside hurts nobody else, as ${as}`, { skip, timeout: 590_000 }, async t => {
    const table = new Table(t, `Resources, as ${as}`);
    const lab = await makeLab();
    t.after(() => lab.close());
    await lab.write(`${lab.home}/.coi/config.toml`, CONFIG);
    const backend = await lab.backend();
    const [{ container }, other] = [
      await lab.open(backend, await lab.workspace()),
      await lab.open(backend, await lab.workspace()),
    ];
    const user = as === 'root' ? 0 : 1000;
    // Until then /tmp is cleaned.
    const booted = () => lab.incus.exec(container, ['/bin/sh', '-c', BOOTED]);
    await booted();
    for (const { name, script, reaches } of ATTACKS) {
      await t.test(name, async () => {
        const free = statfsSync('/tmp').bfree;
        let over = false;
        const attack = lab.incus
          .exec(container, ['/bin/sh', '-c', script], {
            user,
            group: user,
            signal: AbortSignal.timeout(28_000),
            limit: 4096,
          })
          .catch(() => undefined)
          .finally(() => {
            over = true;
          });
        table.held(`${name}: the host`, as, await inTime(run('/bin/sh', ['-c', 'true'])));
        table.held(
          `${name}: another slot`,
          as,
          await inTime(backend.call('slot/exec', { container: other.container, argv: ['true'] })),
        );
        // While it goes on: what an attack started ends with it.
        const asked = async () => {
          await backend.call('slot/usage', { container }).catch(() => undefined);
          return backend.slots.get(container)?.problem?.kind ?? (over && !reaches ? 'none' : undefined);
        };
        const limit = await until('a limit is told', asked).catch(() => undefined);
        await attack;
        table.held(`${name}: disk of the host`, as, statfsSync('/tmp').bfree > free / 2 ? undefined : 'is filling');
        if (reaches) table.control(`${name} reached a limit`, as, limit);
        table.held(`${name}: it can be stopped`, as, await inTime(stopAndStart(), 150_000));
      });
    }

    async function stopAndStart(): Promise<void> {
      await backend.call('slot/stop', { container, timeout: 0 });
      await backend.call('slot/start', { container });
      await booted();
      await until('it is as before', () => backend.slots.get(container)?.problem === undefined);
    }
  });

/** On a pool of its own, with a small image, since sizes slow down everything else on a pool. The containers are as coi makes them. */
test('filling the root disk hurts nobody else, and there is a way out', { skip, timeout: 500_000 }, async t => {
  const table = new Table(t, 'The root disk');
  const end = inReverse(t);
  const pool = uniqueName('ia-pool');
  await incusCli('storage', 'create', pool, 'btrfs', 'size=2GiB');
  end.after(() => incusCliSoon('storage', 'delete', pool));
  const lab = await makeLab();
  end.after(() => lab.close());
  const backend = await lab.backend();
  const slot = async () => {
    const source = await lab.workspace();
    const name = coiName(source, 1);
    await lab.incus.createInstance({
      name,
      source: { alias: 'incus-agents-base' },
      config: { 'security.guestapi': 'false', 'raw.idmap': 'uid 1000 1000\ngid 1000 1000' },
      devices: {
        root: { type: 'disk', path: '/', pool, size: '420MiB' },
        workspace: { type: 'disk', source, path: '/workspace' },
      },
      start: true,
    });
    await backend.when(name, seen => seen?.status === 'running');
    return name;
  };
  const [container, other] = [await slot(), await slot()];
  const inside = (name: string, script: string, user: 'root' | 'code' = 'root') =>
    backend.call('slot/exec', { container: name, argv: ['/bin/sh', '-c', script], user, cwd: '/', env: {} });
  const told = async () => {
    await backend.call('slot/usage', { container }).catch(() => undefined);
    return backend.slots.get(container)?.problem;
  };
  const writes = async (name: string) =>
    assert.equal((await inside(name, 'head -c 8M /dev/zero >/var/tmp/fine && sync && rm /var/tmp/fine')).exitCode, 0);
  let size = 420;
  for (const { name, as, script } of DISK_ATTACKS) {
    await t.test(name, async () => {
      const free = statfsSync('/var/lib/incus').bfree;
      const attack = inside(container, `${script}; sync`, as).catch(() => undefined);
      table.held(`${name}: the host`, as, await inTime(run('/bin/sh', ['-c', 'true'])));
      await attack;
      table.held(`${name}: another slot of the pool`, as, await inTime(writes(other)));
      const left = statfsSync('/var/lib/incus').bfree;
      table.held(`${name}: disk of the host`, as, left > free / 2 ? undefined : 'is filling');
      const problem = await until('the row tells', async () => (await told()) ?? undefined).catch(() => undefined);
      table.control(`${name} reached the limit`, as, problem?.kind === 'disk' ? problem.kind : undefined);
      assert.match(problem?.message ?? '', /disk of this slot is full.*Raise limits\.disk\.size/s);
      // As the row says.
      size += 60;
      await backend.call('slot/configure', { container, limits: { 'limits.disk.size': `${size}MiB` } });
      await inside(container, 'rm -rf /var/tmp/fill*; sync');
      await until('the row is as before', async () => (await told()) === undefined);
      table.held(`${name}: the way out`, as, await inTime(writes(container)));
    });
  }
});

/** As the agent's user it is blocks, as root the number of files. */
const DISK_ATTACKS = [
  { name: 'all of the disk', as: 'code', script: 'head -c 1G /dev/zero >/var/tmp/fill' },
  {
    name: 'all files of the disk',
    as: 'root',
    // First most of it by blocks, which is quicker.
    script: `head -c 1G /dev/zero >/var/tmp/fill1; sync; truncate -s -16M /var/tmp/fill1; sync; mkdir /var/tmp/fill
      perl -e 'for (1..100000) { open(F, ">", "/var/tmp/fill/$_") && print F "x" x 1900 and close F or exit }'; head -c 1G /dev/zero >/var/tmp/fill2`,
  },
] as const;

/** What was not done in time; undefined when it was. */
async function inTime(work: Promise<unknown>, limit = PATIENCE): Promise<string | undefined> {
  const began = performance.now();
  await work;
  const took = Math.round(performance.now() - began);
  return took < limit ? undefined : `took ${took} ms`;
}
