import assert from 'node:assert/strict';
import { link, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import {
  planSocket,
  type SocketOptions,
  socketDevices,
  socketVariables,
  takesOver,
} from '../../../server/sharing/sockets.ts';

const root = await mkdtemp(join(tmpdir(), 'ia-sockets-'));
for (const dir of ['ws', 'home/.coi/run', 'x/.docker/run', 'x/tmux-1000', 'incus'])
  await mkdir(`${root}/${dir}`, { recursive: true });
const names = ['db', 'ws/db', 'home/.coi/run/backend', 'x/.docker/run/docker.sock', 'x/tmux-1000/default', 'incus/own'];
const servers = await Promise.all(
  names.map(
    name =>
      new Promise<ReturnType<typeof createServer>>(done => {
        const server = createServer().listen(`${root}/${name}`, () => done(server));
      }),
  ),
);
after(async () => {
  for (const server of servers) server.close();
  await rm(root, { recursive: true, force: true });
});

const options: SocketOptions = {
  hostile: [`${root}/ws`],
  stateDirs: [`${root}/home/.coi`, '/var/lib/incus'],
  incusSocket: `${root}/incus/own`,
  uid: 1000,
  gid: 1000,
  groups: [4],
  taken: ['/workspace', '/home/code/.incus-agents'],
};
const wish = (host: string, container = '/home/code/db') => ({ host: join(root, host), container, env: 'DB' });

async function refused(kind: string, message: RegExp, ...[host, container]: [string, string?]) {
  await assert.rejects(planSocket(wish(host, container), options), error => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.match(error.message, message);
    assert.ok(error.hint, 'a next step');
    return true;
  });
}

test('a socket is reached by the user’s name, and is the agent’s alone inside', async () => {
  const socket = await planSocket(wish('db'), options);
  assert.deepEqual(socketDevices([socket], { uid: 1000, gid: 1001 }), {
    'socket-0': {
      ...{ type: 'proxy', bind: 'instance', listen: 'unix:/home/code/db', connect: `unix:${root}/db` },
      ...{ uid: '1000', gid: '1001', mode: '0600', 'security.uid': '1000', 'security.gid': '1000' },
    },
  });
  assert.deepEqual(socketVariables([socket, { ...socket, env: '' }]), { DB: '/home/code/db' });
});

test('one where an agent can write, or that a link there leads to, is refused', async () => {
  await refused('config', /agents can write/, 'ws/db');
  await symlink(`${root}/db`, `${root}/ws/link`);
  await refused('isolation', /agent may have made/, 'ws/link');
  await symlink(`${root}/ws/db`, `${root}/home/link`);
  await refused('config', /agents can write/, 'home/link');
});

test('those that take over this computer are refused, whatever leads to them', async () => {
  await refused('config', /Incus Agents/, 'home/.coi/run/backend');
  await refused('config', /as root/, 'x/.docker/run/docker.sock');
  await refused('config', /types commands/, 'x/tmux-1000/default');
  await refused('config', /that of Incus/, 'incus/own');
  await link(`${root}/incus/own`, `${root}/x/innocent`);
  await refused('config', /that of Incus/, 'x/innocent');
  await symlink(`${root}/x/.docker/run/docker.sock`, `${root}/x/other`);
  await refused('config', /as root/, 'x/other');
});

test('the usual places of such sockets are known', () => {
  for (const path of [
    ...['/run/incus/unix.socket', '/var/snap/lxd/common/lxd/unix.socket', '/var/lib/incus/unix.socket'],
    ...['/run/podman/podman.sock', '/run/containerd/x.sock', '/run/systemd/private', '/run/dbus/system_bus_socket'],
    ...['/run/user/1000/bus', '/run/user/1000/systemd/private', '/tmp/.X11-unix/X0', '/run/libvirt/virtqemud-sock'],
    ...['/run/user/1000/vscode-ipc-0.sock', '/run/user/1000/wayland-0', '/tmp/dbus-Ab12', '/var/run/docker.sock'],
  ])
    assert.ok(takesOver(path), path);
  for (const path of [
    ...['/tmp/ssh-abc/agent.1', '/run/user/1000/gnupg/S.gpg-agent', '/run/postgresql/.s.PGSQL.5432'],
    ...['/run/user/1000/vscode-ssh-auth-sock-1', '/home/me/incus/db.sock', '/run/user/1000/keyring/ssh'],
  ])
    assert.equal(takesOver(path), undefined, path);
});

test('what is not there or no socket is said, and so is a place inside that cannot be', async () => {
  await refused('not-found', /does not exist/, 'gone');
  await writeFile(`${root}/file`, '');
  await refused('config', /no socket/, 'file');
  for (const place of ['relative', '/', '/etc/x', '/workspace/x', '/home/code/.incus-agents/x', `/${'x'.repeat(108)}`])
    await refused('config', /inside/, 'db', place);
});
