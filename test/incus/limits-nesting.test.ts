import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { TestBackend } from '../support/backend.ts';
import { type Lab, makeLab } from './flows/support.ts';

/** Prints what became of system calls: a name and its errno per line. */
const CALLS = `perl -e 'my $b = "\\0" x 256; for (["io_uring_setup", 425, 1, $b], ["bpf", 321, 0, $b, 0], ["userfaultfd", 323, 0], ["add_key", 248, $b, $b, 0, 0, 0]) {
  my ($n, $c, @a) = @$_; $! = 0; syscall($c, @a); print "$n ", 0 + $!, "\\n" }'`;
const [EPERM, ENOSYS] = ['1', '38'];

/** A container of a program that the slot itself has; there is no registry to take an image from. */
const IMAGE = `set -e; mkdir -p /root/image
for f in /bin/echo $(ldd /bin/echo | grep -o "/[^ ]*"); do mkdir -p "/root/image$(dirname $f)"; cp -L $f /root/image$f; done
tar -C /root/image -cf /root/image.tar .`;

describe('containers inside', () => {
  let lab: Lab;
  let backend: TestBackend;
  let has = false;
  before(async () => {
    lab = await makeLab();
    has = (await lab.incus.imageAlias('coi-default')) !== undefined;
    backend = await lab.backend(has ? { settings: { image: 'coi-default' } } : {});
  });
  after(() => lab.close());

  it('run with Docker and with Podman as slots are by default', async t => {
    if (!has) return t.skip('the image coi-default is not there');
    const { container } = await lab.open(backend, await lab.workspace());
    const run = (script: string) =>
      backend.call('slot/exec', { container, user: 'root', argv: ['/bin/sh', '-c', script] });
    const image = await run(IMAGE);
    assert.equal(image.exitCode, 0, image.stderr);
    const up =
      'timeout 20 sh -c "until systemctl is-active -q dbus; do sleep 0.2; done" && systemctl start docker && timeout 60 sh -c "until docker info >/dev/null 2>&1; do sleep 0.5; done"';
    const why = '{ journalctl -u docker -n 8 --no-pager; exit 1; }';
    const daemon = await run(`command -v dockerd >/dev/null || exit 0; ${up} || ${why}`);
    assert.equal(daemon.exitCode, 0, daemon.stdout + daemon.stderr);
    for (const program of ['docker', 'podman']) {
      if ((await run(`command -v ${program}`)).exitCode !== 0) {
        t.diagnostic(`the image has no ${program}`);
        continue;
      }
      const flags = program === 'podman' ? '--cgroups=disabled' : '';
      const script = `${program} import /root/image.tar tiny >/dev/null && ${program} run --rm ${flags} --network none tiny /bin/echo inside`;
      const { stdout, stderr } = await run(script);
      assert.equal(stdout.trim().split('\n').at(-1), 'inside', `${program}: ${stderr}`);
    }
  });

  it('are off where they are turned off, also in a container that had them', async () => {
    await lab.write(`${lab.home}/.coi/config.toml`, '');
    const { container } = await lab.open(backend, await lab.workspace(), { persistent: true });
    assert.equal((await backend.call('slot/reach', { container })).nesting, true);
    await backend.call('slot/stop', { container, timeout: 0 });
    await lab.write(`${lab.home}/.coi/config.toml`, '[container]\ndocker = false\n');
    await backend.call('slot/start', { container });
    assert.equal((await backend.call('slot/reach', { container })).nesting, false);
    const instance = await lab.instance(container);
    assert.equal(instance?.config['security.syscalls.intercept.mknod'], undefined);
  });

  it('open with the hardened profile, in which the kernel answers less', async () => {
    await lab.write(`${lab.home}/.coi/config.toml`, '');
    const hardened = await lab.open(backend, await lab.workspace(), { profile: 'hardened' });
    const plain = await lab.open(backend, await lab.workspace());
    const calls = async (container: string) =>
      (await backend.call('slot/exec', { container, user: 'root', argv: ['/bin/sh', '-c', CALLS] })).stdout
        .trim()
        .split('\n');
    const [less, more] = await Promise.all([calls(hardened.container), calls(plain.container)]);
    assert.equal(less.length, 4);
    for (const line of less) assert.match(line, new RegExp(` (${EPERM}|${ENOSYS})$`), line);
    assert.notDeepEqual(more, less, 'the same calls without it');
    const instance = await lab.instance(hardened.container);
    assert.match(instance?.config['user.incus-agents.deadline'] ?? '', /Z stop \d+$/);
    assert.equal((await backend.call('slot/reach', { container: hardened.container })).nesting, false);
  });
});
