import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { attachArgs } from '../../server/guest/attach.ts';
import { tmuxSession } from '../../server/guest/start.ts';
import type { TerminalKind } from '../../server/protocol/methods.ts';
import { type Guest, guestContainer, socketThatGoesAway, terminal } from './guest-support.ts';
import { typeUntil, until } from './support.ts';

function attach(g: Guest, kind: TerminalKind, cwd = '/workspace') {
  const { container, uid, gid, home } = g.session;
  const o = { container, project: 'default', kind, cwd, uid, gid, home, incusBinary: 'incus', tmuxEnv: true };
  return attachArgs(g.guest, o);
}

test('a terminal shows the agent, passes keys on, and ends with 0 after a detach; the agent goes on', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['sh', '-c', 'echo "I am here"; stty raw -echo; exec cat -v'] });
  const { file, args } = attach(g, 'agent');
  const screen = terminal(t, file, args, { TERM: 'xterm-kitty' });
  await until('the agent in the terminal', () => screen.output().includes('I am here'));
  // Shift+Enter as terminals send it that can.
  screen.type('\u001b[13;2u');
  await until('the key', async () => /\^\[\[27;2;13~|\^\[\[13;2u/.test(await g.screen()));
  screen.type('\u0002d');
  assert.equal(await screen.exit, 0);
  assert.equal((await g.exec(['pgrep', '-x', 'cat'])).exitCode, 0);
});

test('a size that the terminal gets while it is being attached arrives', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['cat'] });
  const { file, args } = attach(g, 'agent');
  const widths = async () =>
    (await g.exec(['tmux', 'list-clients', '-F', '#{client_width}'])).stdout.toString().split('\n').filter(Boolean);
  for (const delay of ['0', '0.03', '0.06', '0.1', '0.15', '0.3']) {
    // As an editor does it that lays out its panel meanwhile.
    const resized = `stty cols 10 rows 9; (sleep ${delay}; stty cols 100 rows 30 </dev/tty) & exec "$@"`;
    const screen = terminal(t, 'sh', ['-c', resized, 'sh', file, ...args]);
    await until(`the size after ${delay} s`, async () => (await widths()).join() === '100');
    screen.type('\u0002d');
    assert.equal(await screen.exit, 0);
  }
});

test('coi finds the session as it looks for it', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['sh', '-c', 'echo "I am here"; exec cat'] });
  const words = [
    'exec',
    g.container,
    '--user',
    '1000',
    '--group',
    '1000',
    '--cwd',
    '/workspace',
    '--force-interactive',
  ];
  const screen = terminal(t, 'incus', [...words, '--', 'bash', '-c', `tmux attach -t ${tmuxSession(g.container)}`]);
  await until('the agent in the terminal', () => screen.output().includes('I am here'));
});

test('a container that is stopped under the terminal ends it with a sentence and 0', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['cat'] });
  const { file, args } = attach(g, 'agent');
  const screen = terminal(t, file, args);
  await until('attached', async () => (await g.exec(['tmux', 'list-clients'])).stdout.length > 0);
  await g.incus.setState(g.container, 'stop', { force: true });
  assert.equal(await screen.exit, 0);
  // tmux itself may see its last program die first.
  assert.match(screen.output(), /has stopped|\[exited\]/);
  const later = terminal(t, file, args);
  assert.equal(await later.exit, 0);
  assert.match(later.output(), /has stopped/);
});

test('a container that another program deletes or stops in order ends it with 0', async t => {
  for (const argv of [['delete', '--force'], ['stop']]) {
    const g = await guestContainer(t);
    await g.start({ agentArgv: ['sh', '-c', 'echo ready; exec cat'] });
    const { file, args } = attach(g, 'agent');
    const screen = terminal(t, file, args);
    await until('attached', () => screen.output().includes('ready'));
    const [verb = '', ...flags] = argv;
    await promisify(execFile)('incus', [verb, g.container, ...flags]);
    assert.equal(await screen.exit, 0, `${argv}: ${screen.output()}`);
  }
});

test('after Incus was away the terminal shows the agent again, as soon as Incus answers', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['sh', '-c', 'echo "I am here"; exec cat'] });
  const { file, args } = attach(g, 'agent');
  const away = await socketThatGoesAway(t);
  const screen = terminal(t, file, args, { INCUS_SOCKET: away.path });
  await until('the agent in the terminal', () => screen.output().includes('I am here'));
  away.leave();
  await until('the connection to be lost', () => /Error: /.test(screen.output()));
  const before = screen.output().length;
  await away.comeBack();
  await until('the agent again', () => screen.output().slice(before).includes('I am here'));
  screen.type('still the same\r');
  await until('what is typed', async () => (await g.screen()).includes('still the same'));
  screen.type('\u0002d');
  assert.equal(await screen.exit, 0);
});

test('no agent, no container and no Incus are told apart', async t => {
  const g = await guestContainer(t);
  const { file, args } = attach(g, 'agent');
  const none = terminal(t, file, args);
  await until('a sentence that stays', () => /No agent is running.*[\s\S]*Press Enter/.test(none.output()));
  none.type('\r');
  assert.equal(await none.exit, 0);
  const gone = terminal(
    t,
    file,
    args.map(a => (a === g.container ? `${a}x` : a)),
  );
  assert.equal(await gone.exit, 0);
  assert.match(gone.output(), /no longer exists/);
  const broken = terminal(t, file, args, { INCUS_SOCKET: '/nonexistent' });
  const absent = terminal(
    t,
    file,
    args.map(a => (a === 'incus' ? '/nonexistent/incus' : a)),
  );
  for (const screen of [broken, absent])
    await until('a sentence', () => /cannot be reached[\s\S]*as soon as it can/.test(screen.output()));
});

test('without Perl it is asked whether what is printed may come unfiltered', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['sh', '-c', 'echo "I am here"; exec cat'] });
  const { file, args } = attach(g, 'agent');
  const words = [file, ...args].map(a => (a === 'incus' ? '/usr/bin/incus' : a));
  const screen = terminal(t, '/usr/bin/env', ['PATH=/nonexistent', ...words]);
  await until('the question', () => /Perl was not found.* Press Enter to go on without/.test(screen.output()));
  assert.doesNotMatch(screen.output(), /I am here/);
  screen.type('\r');
  await until('the agent', () => screen.output().includes('I am here'));
});

test('the shell is the user’s with his groups in the workspace, and root’s is root’s', async t => {
  const g = await guestContainer(t);
  await g.exec(['usermod', '-aG', 'audio', 'code'], 0);
  await g.start({ agentArgv: ['cat'], environment: { PLAIN: 'there' } });
  const shell = attach(g, 'shell');
  const mine = terminal(t, shell.file, shell.args);
  const answers = () => /<code code audio/.test(mine.output());
  await typeUntil('it answers', () => mine.type('echo "<$(id -un) $(id -Gn) $PWD $HOME $PLAIN>"; tty\n'), answers);
  mine.type('exit 3\n');
  assert.equal(await mine.exit, 0);
  assert.match(mine.output(), /<code code audio \/workspace \/home\/code there>[\s\S]*\/dev\/pts\//);
  // As after Ctrl-C, and after a word that is no command.
  for (const code of [130, 127]) {
    const left = terminal(t, shell.file, shell.args);
    left.type(`(exit ${code})\nexit\n`);
    assert.equal(await left.exit, 0);
    assert.doesNotMatch(left.output(), /connection/);
  }
  const root = attach(g, 'root', '/not there');
  const roots = terminal(t, root.file, root.args);
  const isRoots = () => roots.output().includes('<root /root>');
  await typeUntil('it is root’s', () => roots.type('echo "<$(id -un) $HOME>"\n'), isRoots);
  roots.type('exit\n');
  assert.equal(await roots.exit, 0);
});

test('`poweroff` typed by the user inside ends the container', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: [] });
  await until('boot', async () => (await g.exec(['systemctl', 'is-active', 'dbus'], 0)).exitCode === 0);
  await g.exec(['setsid', 'poweroff']).catch(() => {}); // It may go with the container before it can say that it ran.
  await until('stopped', async () => (await g.incus.instance(g.container))?.instance.running === false, 120_000);
});
