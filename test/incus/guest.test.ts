import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { managedBlock } from '../../server/guest/context.ts';
import { explainStart } from '../../server/guest/explain.ts';
import { capture, hasAgent, hasSession, lastLines, NO_AGENT, NO_SESSION, sendKeys } from '../../server/guest/keys.ts';
import { type StartOptions, tmuxSession } from '../../server/guest/start.ts';
import { commandLinesWith, type Guest, guestContainer } from './guest-support.ts';
import { until } from './support.ts';

const PRINT = ['sh', '-c', 'echo "env: $PLAIN $SECRET"; id -Gn; pwd; exec cat'];

test('an agent started at once after boot is there when the boot is over, with its environment and no secret on the host', async t => {
  const g = await guestContainer(t);
  const secret = 'sk-very-secret-value-1';
  let starting = true;
  const seen: string[] = [];
  const watch = (async () => {
    while (starting) seen.push(...(await commandLinesWith(secret)));
  })();
  await begin(g, {
    agentArgv: PRINT,
    environment: { PLAIN: 'a\'b "c" $d' },
    secretEnvironment: { SECRET: secret },
  });
  await until('the agent prints', async () => (await g.screen()).includes(`env: a'b "c" $d ${secret}`));
  starting = false;
  await watch;
  assert.deepEqual(seen, []);
  assert.match(await g.screen(), /\n\/workspace\n/);
  assert.equal(
    (await g.exec(['ls', '/home/code/.incus-agents/secrets'])).exitCode,
    2,
    'deleted before the agent started',
  );
  await until(
    'boot',
    async () => (await g.exec(['systemctl', 'is-active', 'systemd-tmpfiles-setup'], 0)).exitCode === 0,
  );
  await g.exec(['systemd-tmpfiles', '--clean', '--remove'], 0);
  assert.equal((await g.guestExec(hasSession(g.session))).exitCode, 0);
  assert.equal(
    (await g.exec(['tmux', 'has-session', '-t', tmuxSession(g.container)])).exitCode,
    0,
    'as coi looks for it',
  );
});

test('starting again changes nothing; after a restart with a stale socket it starts anew', async t => {
  const g = await guestContainer(t);
  await begin(g, { agentArgv: ['cat'] });
  const again = await g.start({ agentArgv: ['cat'], secretEnvironment: { K: 'v' } });
  assert.equal(again.stdout.toString(), 'exists\n');
  await until('no secrets', async () => (await g.exec(['ls', '/home/code/.incus-agents/secrets'])).exitCode === 2);
  const both = await Promise.all([g.start({}), g.start({})]);
  assert.deepEqual(
    both.map(r => r.stdout.toString()),
    ['exists\n', 'exists\n'],
  );
  await g.incus.setState(g.container, 'restart', { force: true });
  assert.equal((await g.exec(['ls', '/home/code/.incus-agents/tmux/tmux-1000/default'])).exitCode, 0, 'the old socket');
  const known = await starts(g);
  const racing = await Promise.all([g.start({ agentArgv: ['cat'] }), g.start({ agentArgv: ['cat'] })]);
  const said = racing.map(r => r.stdout.toString()).sort();
  assert.match(said.join(''), /^exists\n(exists|started)\n$/, racing.map(r => r.stderr.toString()).join());
  await until('one is started', async () => (await starts(g)) === known + 1);
});

test('the exit of the agent is noted, Ctrl-C ends only the agent, and a shell without the secret stays', async t => {
  const g = await guestContainer(t);
  await g.start({
    agentArgv: ['sleep', '1000'],
    secretEnvironment: { SECRET: 'hidden' },
    environment: { PLAIN: 'there' },
  });
  await until(
    'the agent runs',
    async () =>
      (await g.exec(['pgrep', '-x', 'sleep'])).stdout.toString() !== '' &&
      (await events(g.signals)).startsWith('start'),
  );
  await until('only the agent sleeps', async () =>
    /sleep 1000/.test((await g.exec(['pgrep', '-xa', 'sleep'])).stdout.toString()),
  );
  await g.exec(['tmux', 'send-keys', '-t', `=${tmuxSession(g.container)}:`, 'C-c']);
  await until('the exit', async () => /^start \d+ \nexit \d+ 130\n$/.test(await events(g.signals)));
  const target = `=${tmuxSession(g.container)}:`;
  await g.exec(['tmux', 'send-keys', '-t', target, 'echo "p=$PLAIN s=$SECRET."', 'Enter']);
  await until('the shell answers', async () => (await g.screen()).includes('p=there s=.'));

  // What is meant for the agent does not reach that shell, and the next agent takes its place beside the user's windows.
  const panes = async () =>
    (await g.exec(['tmux', 'list-panes', '-s', '-t', target, '-F', '#{pane_id} #{pane_pid}'])).stdout.toString();
  const send = async () => (await g.guestExec(sendKeys(g.session, 'touch typed'))).exitCode;
  assert.equal(await send(), NO_AGENT);
  assert.equal((await g.guestExec(hasAgent(g.session))).exitCode, NO_AGENT);
  await g.exec(['tmux', 'new-window', '-t', target]);
  const [before = '', own = ''] = (await panes()).trim().split('\n');
  await begin(g, { agentArgv: ['cat'] });
  const [after = '', ...others] = (await panes()).trim().split('\n');
  assert.deepEqual(others, [own]);
  assert.equal(after.split(' ')[0], before.split(' ')[0]);
  assert.notEqual(after, before);
  await until('the next agent runs', async () => (await g.exec(['pgrep', '-x', 'cat'])).exitCode === 0);
  assert.equal(await send(), 0, 'it is reached while another window is shown');
  const captured = async () => (await g.guestExec(capture(g.session))).stdout.toString();
  await until('it has what was typed', async () => (await captured()).includes('touch typed'));
  assert.equal((await g.start({ agentArgv: ['cat'] })).stdout.toString(), 'exists\n');

  // Where something runs in the shell that it left, that goes on, and one begun there by hand is the agent.
  await g.exec(['pkill', '-x', 'cat']);
  await until('it has ended', async () => (await send()) === NO_AGENT);
  await g.exec(['tmux', 'send-keys', '-t', after.split(' ')[0] ?? '', 'tail -f /dev/null', 'Enter']);
  await until('something runs', async () => (await g.exec(['pgrep', '-x', 'tail'])).exitCode === 0);
  assert.equal(await send(), NO_AGENT);
  await begin(g, { agentArgv: ['cat'] });
  await until('it runs beside it', async () => (await send()) === 0);
  assert.equal((await g.exec(['pgrep', '-x', 'tail'])).exitCode, 0);
  await g.exec(['pkill', '-x', 'cat|tail']);
  await until('it has ended again', async () => (await send()) === NO_AGENT);
  await g.exec(['tmux', 'send-keys', '-t', after.split(' ')[0] ?? '', 'cat', 'Enter']);
  await until('one is begun by hand', async () => (await send()) === 0);
  assert.equal((await g.exec(['ls', 'typed'])).exitCode, 2);
});

test('text is pasted as it is but for control characters, in one piece, and Enter comes after a pause', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['sh', '-c', 'printf "\\033[?2004h"; stty raw -echo; exec cat -v'] });
  await until('ready', async () => (await g.exec(['pgrep', '-x', 'cat'])).exitCode === 0);
  const text = 'line 1\r\n\u001b[201~\r"quoted" $(id) ü; -x';
  assert.equal((await g.guestExec(sendKeys(g.session, text))).exitCode, 0);
  await until('the paste', async () =>
    /\^\[\[200~line 1\^M\[201~"quoted" \$\(id\) M-CM-<; -x\^\[\[201~\^M/s.test(await g.screen()),
  );
  const captured = (await g.guestExec(capture(g.session, 100))).stdout.toString();
  assert.match(lastLines(captured, 1), /\^M$/);
  const once = sendKeys(g.session, 'once');
  for (const { exitCode } of await Promise.all([1, 2].map(() => g.guestExec(once)))) assert.equal(exitCode, 0);
  assert.equal((await g.guestExec(once)).exitCode, 0);
  await g.guestExec(sendKeys(g.session, 'after it'));
  await until('all of it', async () => (await g.screen()).includes('after it'));
  assert.equal((await g.screen()).split('once').length, 2, 'a command that is run again types nothing again');
  const gone = { ...g.session, container: 'other' };
  assert.equal((await g.guestExec(sendKeys(gone, 'x'))).exitCode, NO_SESSION);
  assert.equal((await g.guestExec(capture(gone))).exitCode, NO_SESSION);
});

test('modified keys reach the agent, and the ordinary ones as ever', async t => {
  const g = await guestContainer(t);
  await g.start({ agentArgv: ['sh', '-c', 'stty raw -echo; exec cat -v'] });
  await until('ready', async () => (await g.exec(['pgrep', '-x', 'cat'])).exitCode === 0);
  const target = `=${tmuxSession(g.container)}:`;
  for (const key of ['S-Enter', 'x', 'C-c', 'Enter', 'Tab', 'BTab', 'C-a', 'Up'])
    await g.exec(['tmux', 'send-keys', '-t', target, key]);
  await until('the keys', async () =>
    /^(\^\[\[27;2;13~|\^\[\[13;2u)x\^C\^M\t? *\^\[\[Z\^A\^\[\[A/.test(await g.screen()),
  );
});

test('files, time zone, git identity and context are there; a file to keep is kept and a block is there once', async t => {
  const g = await guestContainer(t);
  const file = (path: string, content: string, merge?: 'keep' | 'block' | 'json') => ({
    path: `/home/code/${path}`,
    content,
    mode: 0o600,
    ...(merge ? { merge } : {}),
  });
  const files = [
    file('.claude/deep/settings.json', '{"a":1}'),
    file('.bashrc', 'replaced', 'keep'),
    file('.fresh', 'new', 'keep'),
    file('.merged/settings.json', '{"b":1}', 'json'),
    file('.claude/CLAUDE.md', 'told\n', 'block'),
  ];
  const o = { files, timezone: 'Asia/Tokyo', gitIdentity: { name: 'Jo "x" Ü', email: 'j@e' }, context: 'ctx' };
  for (let i = 0; i < 2; i++) {
    await begin(g, { ...o, agentArgv: ['cat'] });
    await g.exec(['tmux', 'kill-server']);
    await until('tmux is gone', async () => (await g.guestExec(hasSession(g.session))).exitCode !== 0);
  }
  const out = async (...argv: string[]) => (await g.exec(argv)).stdout.toString();
  assert.equal(await out('cat', '/home/code/.claude/deep/settings.json'), '{"a":1}');
  assert.equal(
    await out('sh', '-c', 'cd /home/code && stat -c "%n %U:%G %a" .claude .claude/deep .fresh .merged .merged/*'),
    '.claude code:code 755\n.claude/deep code:code 755\n.fresh code:code 600\n' +
      '.merged code:code 755\n.merged/settings.json code:code 600\n',
  );
  assert.doesNotMatch(await out('cat', '/home/code/.bashrc'), /replaced/);
  assert.equal(await out('cat', '/home/code/.claude/CLAUDE.md'), managedBlock('told'));
  assert.equal(await out('git', 'config', 'user.name'), 'Jo "x" Ü\n');
  assert.equal(await out('readlink', '/etc/localtime'), '/usr/share/zoneinfo/Asia/Tokyo\n');
  assert.equal(await out('cat', '/home/code/SANDBOX_CONTEXT.md'), 'ctx');
  assert.equal(await out('sh', '-c', 'ls -d /home/code/.incus-agents/put; find /home/code -name "CLAUDE.md?*"'), '');
});

test('what the image lacks is said', async t => {
  const g = await guestContainer(t);
  const nobody = await g.start({ codeUid: 4242 });
  assert.match(explainStart(nobody.exitCode, nobody.stderr.toString()).message, /lacks the user/);
  await g.exec(['mv', '/usr/bin/tmux', '/usr/bin/tmux.off'], 0);
  const without = await g.start({});
  assert.match(explainStart(without.exitCode, without.stderr.toString()).message, /no tmux/);
  await g.exec(['mv', '/usr/bin/tmux.off', '/usr/bin/tmux'], 0);
  await g.exec(['mv', '/usr/bin/setpriv', '/usr/bin/setpriv.off'], 0);
  // Then su does it.
  await begin(g, { agentArgv: ['cat'] });
});

/**
 * Starts an agent where none runs. Incus may say of a start that was done that it never ran; repeated, that one finds what it made itself,
 * which is told by what the agent's first process notes.
 */
async function begin(g: Guest, o: Partial<StartOptions>): Promise<void> {
  const known = await starts(g);
  const { stdout, stderr } = await g.start(o);
  if (stdout.toString() === 'exists\n') await until('an agent is started', async () => (await starts(g)) === known + 1);
  else assert.equal(stdout.toString(), 'started\n', stderr.toString());
}

/** How many agents were started. */
async function starts(g: Guest): Promise<number> {
  return (await events(g.signals)).match(/^start /gm)?.length ?? 0;
}

async function events(directory: string): Promise<string> {
  return readFile(`${directory}/events`, 'utf8').catch(() => '');
}
