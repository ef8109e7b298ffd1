import assert from 'node:assert/strict';
import { chown, lstat, mkdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import type { TestBackend } from '../support/backend.ts';
import { failureOf, type Lab, makeLab, OWNER } from './flows/support.ts';

const skip = process.getuid?.() !== 0;

/** What the user's own configuration shares. */
const config = (lab: Lab) => `
[[mounts]]
host = "${lab.directory}/data"
container = "/home/code/deep/data"
[[mounts]]
host = "${lab.directory}/notes.txt"
container = "/srv/notes.txt"
readonly = true
`;

describe('what is shared with a slot', { skip }, () => {
  let lab: Lab;
  let backend: TestBackend;
  let workspace: string;
  let container: string;
  const run = async (script: string, user: 'root' | 'code' = 'code') => {
    const result = await backend.call('slot/exec', { container, argv: ['/bin/sh', '-c', script], user });
    return `${result.stdout}${result.stderr}`.trim();
  };

  before(async () => {
    lab = await makeLab();
    await mkdir(`${lab.directory}/data`);
    await chown(`${lab.directory}/data`, OWNER.uid, OWNER.gid);
    await writeFile(`${lab.directory}/notes.txt`, 'from the host');
    await chown(`${lab.directory}/notes.txt`, OWNER.uid, OWNER.gid);
    await lab.write(`${lab.home}/.coi/config.toml`, config(lab));
    workspace = await lab.workspace();
    backend = await lab.backend();
    ({ container } = await lab.open(backend, workspace, { persistent: true }));
  });
  after(() => lab.close());

  it('a folder is written by both sides, with the right owner on each', async () => {
    assert.equal(
      await run('cd ~/deep/data && touch code && stat -c %U code . .. && sudo touch root 2>/dev/null; ls'),
      [...['code', 'code', 'code', 'code', 'root']].join('\n'),
    );
    const { uid, gid } = await lstat(`${lab.directory}/data/code`);
    assert.deepEqual({ uid, gid }, OWNER);
    assert.match(await run('echo x >>/srv/notes.txt'), /[Rr]ead-only/);
    assert.equal(await run('cat /srv/notes.txt'), 'from the host');
  });

  it('is shown: in the state, in the reach and to the agent', async () => {
    const shared = backend.slots.get(container)?.shared ?? [];
    assert.deepEqual(
      shared.filter(word => word.includes(lab.directory)),
      [`${lab.directory}/data at /home/code/deep/data`, `${lab.directory}/notes.txt at /srv/notes.txt, to be read`],
    );
    const { mounts } = await backend.call('slot/reach', { container });
    assert.ok(mounts.some(m => m.path === '/srv/notes.txt' && m.source === `${lab.directory}/notes.txt` && m.readonly));
    assert.ok(mounts.some(m => m.path === '/home/code/deep/data' && !m.readonly));
    assert.match(await run('cat ~/SANDBOX_CONTEXT.md'), /Shared with you: .*at \/home\/code\/deep\/data/);
  });

  it('goes when it is no longer configured, and what root made is handed over', async () => {
    await backend.call('slot/stop', { container, timeout: 20 });
    assert.equal((await lstat(`${lab.directory}/data/root`)).uid, OWNER.uid);
    await lab.write(`${lab.home}/.coi/config.toml`, '');
    await backend.call('slot/start', { container });
    assert.equal(await run('ls ~/deep/data; cat /srv/notes.txt 2>/dev/null'), '');
    assert.deepEqual(
      Object.keys((await lab.instance(container))?.devices ?? {}).filter(name => /^mount/.test(name)),
      [],
    );
    assert.deepEqual(
      (backend.slots.get(container)?.shared ?? []).filter(word => word.includes(lab.directory)),
      [],
    );
    assert.equal(await readFile(`${lab.directory}/notes.txt`, 'utf8'), 'from the host');
  });

  it('is refused with a reason before anything is made', async () => {
    const other = await lab.workspace();
    for (const [host, kind] of [
      ['/etc', 'config'],
      ['/var/lib/incus/unix.socket', 'config'],
      [`${lab.directory}/missing`, 'not-found'],
    ]) {
      await lab.write(`${lab.home}/.coi/config.toml`, `[[mounts]]\nhost = "${host}"\ncontainer = "/x"\n`);
      const failure = await failureOf(lab.open(backend, other));
      assert.equal(failure.kind, kind, failure.message);
      assert.ok(failure.hint);
    }
    assert.deepEqual(await lab.containers(other), []);
    await lab.write(`${lab.home}/.coi/config.toml`, '');
  });
});
