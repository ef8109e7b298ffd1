import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { failureOf, makeLab } from '../incus/flows/support.ts';
import { rebootInside } from '../incus/reboot.ts';
import { freePort } from '../incus/support.ts';
import { Table } from './table.ts';

const skip = process.getuid?.() !== 0;
const SECRET = 'the-hosts-own-secret';

/** Whether the hook of a container's mounts has refused a start of it. */
const refused = (container: string) => () => existsSync(`/run/incus-agents/mounts/${container}`);

test('a mount in the workspace leads to nothing else', { skip }, async t => {
  const table = new Table(t, 'What is shared');
  const lab = await makeLab();
  t.after(() => lab.close());
  const workspace = await lab.workspace();
  const keys = `${lab.directory}/keys`;
  mkdirSync(keys);
  writeFileSync(`${keys}/key`, SECRET);
  mkdirSync(`${workspace}/cache`);
  await lab.write(
    `${lab.home}/.coi/config.toml`,
    `[[mounts]]\nhost = "${workspace}/cache"\ncontainer = "/cache"\nreadonly = true\n`,
  );
  const backend = await lab.backend();
  const { container } = await lab.open(backend, workspace, { persistent: true });
  const inside = (script: string) => lab.incus.exec(container, ['/bin/sh', '-c', script], { user: 0, group: 0 });

  // A reboot makes Incus look up the source anew. In between the container is shortly stopped in any case.
  assert.equal((await inside(`cd /workspace && mv cache old && ln -s ${keys} cache`)).exitCode, 0);
  const ended = await rebootInside(lab.incus, container, { refused: refused(container) });
  const seen = ended === 'up' ? (await inside('cat /cache/key')).stdout.toString('utf8') : '';
  table.held('its source swapped for a link, then a reboot', 'root', seen.includes(SECRET) ? 'read' : undefined);
  await backend.call('slot/stop', { container, timeout: 0 });
  const failure = await failureOf(backend.call('slot/start', { container }));
  table.held('the link at the next start', 'root', failure.kind === 'isolation' ? undefined : failure.message);
});

test('a project gets no socket that takes over, no port for all, and no way out of its folder', { skip }, async t => {
  const table = new Table(t, 'What a project asks for, approved by mistake');
  const lab = await makeLab();
  t.after(() => lab.close());
  const workspace = await lab.workspace();
  const backend = await lab.backend();
  mkdirSync(`${lab.home}/.ssh`);
  writeFileSync(`${lab.home}/.ssh/key`, SECRET);
  symlinkSync(`${lab.home}/.ssh`, `${workspace}/assets`);
  symlinkSync('/var/lib/incus/unix.socket', `${workspace}/db.sock`);
  const attempts: [string, string][] = [
    ['the socket of Incus', '[[sockets]]\nhost = "/var/lib/incus/unix.socket"\ncontainer = "/s"\n'],
    ['a link in the workspace to it', '[[sockets]]\nhost = "db.sock"\ncontainer = "/s"\n'],
    ['a mount of the directory that it is in', '[[mounts]]\nhost = "/var/lib/incus"\ncontainer = "/s"\n'],
    ['a link in the workspace as a mount', '[[mounts]]\nhost = "assets"\ncontainer = "/s"\n'],
    ['a link in the workspace as a file', '[[credentials]]\nhost = "assets/key"\ncontainer = "/s"\n'],
    ['the whole disk', '[[mounts]]\nhost = "/"\ncontainer = "/s"\nreadonly = true\n'],
    ['its own hooks a second time', '[[mounts]]\nhost = ".git"\ncontainer = "/s"\n'],
  ];
  for (const [name, asked] of attempts) {
    await lab.write(`${workspace}/.coi/config.toml`, asked);
    await lab.write(`${workspace}/.git/HEAD`, 'ref: refs/heads/main\n');
    await backend.call('config/trust', { workspace });
    await backend.call('config/trust', { workspace, approve: true });
    const { kind, message } = await failureOf(lab.open(backend, workspace));
    table.held(name, 'file', ['config', 'isolation'].includes(kind) ? undefined : `${kind}: ${message}`);
    table.held(`${name}: what is left`, 'file', (await lab.containers(workspace))[0]);
  }
  await lab.write(
    `${workspace}/.coi/config.toml`,
    `[[ports.map]]\nname = "all"\ncontainer = 80\nhost = ${await freePort()}\nlisten = "0.0.0.0"\n`,
  );
  await backend.call('config/trust', { workspace });
  await backend.call('config/trust', { workspace, approve: true });
  const { container } = await lab.open(backend, workspace);
  const { forwards } = await backend.call('slot/reach', { container });
  table.held('a port for everybody', 'file', forwards?.[0]?.listen);
});

test('a folder in another slot’s workspace leads to nothing else when it is opened', { skip }, async t => {
  const table = new Table(t, 'A folder of its own in a workspace');
  const lab = await makeLab();
  t.after(() => lab.close());
  const mono = await lab.workspace();
  const frontend = await lab.workspace({ path: `${mono}/frontend` });
  const keys = `${lab.directory}/keys`;
  mkdirSync(`${keys}/deeper`, { recursive: true });
  writeFileSync(`${keys}/key`, SECRET);
  await lab.write(`${lab.home}/.coi/config.toml`, '[security]\ndisable_protection = true\n');
  const backend = await lab.backend();
  const outer = await lab.open(backend, mono);
  const inner = await lab.open(backend, frontend, { persistent: true });
  const inside = (container: string, script: string) =>
    lab.incus.exec(container, ['/bin/sh', '-c', script], { user: 0, group: 0 });
  const swap = await inside(outer.container, `cd /workspace && mv frontend old && ln -s ${keys} frontend`);
  assert.equal(swap.exitCode, 0, 'an agent can do it');

  // Of a reboot inside nobody is told: Incus looks up the folder anew.
  const ended = await rebootInside(lab.incus, inner.container, { refused: refused(inner.container) });
  const seen = ended === 'up' ? (await inside(inner.container, 'cat /workspace/key')).stdout.toString('utf8') : '';
  table.held('swapped for a link, then a reboot of the slot in it', 'root', seen.includes(SECRET) ? 'read' : undefined);
  for (const [name, path] of [
    ['the link as a workspace', frontend],
    ['a folder behind the link', `${frontend}/deeper`],
  ] as const) {
    const failure = await failureOf(lab.open(backend, path, { slot: 2 }));
    table.held(name, 'root', failure.kind === 'isolation' ? undefined : failure.message);
  }
});
