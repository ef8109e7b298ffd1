import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Failure } from '../../../server/base/errors.ts';
import { quote } from '../../../server/base/shell.ts';
import { attachArgs } from '../../../server/guest/attach.ts';
import { BLOCK_BEGIN, BLOCK_END, contextText, managedBlock } from '../../../server/guest/context.ts';
import { explainStart } from '../../../server/guest/explain.ts';
import { loadGuestFiles } from '../../../server/guest/files.ts';
import { timezoneEntries } from '../../../server/guest/identity.ts';
import { capture, lastLines, sendKeys } from '../../../server/guest/keys.ts';
import { exportLines } from '../../../server/guest/shell.ts';
import { type StartOptions, startPlan } from '../../../server/guest/start.ts';

const guest = await loadGuestFiles(join(import.meta.dirname, '../../../media'));
const o: StartOptions = {
  container: 'coi-12345678-1',
  mountPath: '/workspace',
  codeUid: 1000,
  codeGid: 1000,
  home: '/home/code',
  agentArgv: ['claude', "it's"],
  environment: { A: '1' },
  secretEnvironment: { KEY: 'secret-value' },
  files: [],
  signalsDir: '/home/code/.incus-agents/signals',
};

test('a shell reads quoted text as it was', () => {
  const text = 'a\'b"c $(id) `id` \\ \n -x ü';
  assert.equal(execFileSync('/bin/sh', ['-c', `printf %s ${quote(text)}`]).toString(), text);
  assert.equal(execFileSync('/bin/sh', ['-c', `${exportLines({ V: text })}printenv V`]).toString(), `${text}\n`);
});

test('what is no variable is refused', () => {
  for (const name of ['a b', '1a', 'A=B', '', 'A;id']) assert.throws(() => exportLines({ [name]: 'x' }), Failure);
  assert.throws(() => exportLines({ A: 'x\0y' }), Failure);
});

test('neither secrets nor the prompt nor any value is in the argv of the start', () => {
  const plan = startPlan(guest, { ...o, environment: { PLAIN: 'plain-value' } });
  assert.doesNotMatch(plan.argv.join('\n'), /secret-value|plain-value|it's/);
  const list = execFileSync('tar', ['-tvf', '-', '--numeric-owner'], { input: plan.stdin }).toString();
  assert.match(list, /^-rw------- 1000\/1000 .* home\/code\/\.incus-agents\/secrets$/m);
});

test('directories of the home are made for the code user, but not the mount points themselves', () => {
  const plan = startPlan(guest, {
    ...o,
    files: [{ path: '/home/code/.claude/settings.json', content: '{}', mode: 0o600 }],
    mountPoints: ['/home/code/.codex/sessions', '/home/code/.claude/projects'],
  });
  const list = execFileSync('tar', ['-tf', '-'], { input: plan.stdin }).toString().split('\n');
  assert.ok(list.includes('home/code/.claude/') && list.includes('home/code/.codex/'));
  assert.ok(!list.includes('home/code/.codex/sessions/') && !list.includes('home/code/'));
});

test('paths of files that would leave their place are refused', () => {
  for (const path of ['relative', '/home/code/../../etc/x', '/a\nb'])
    assert.throws(() => startPlan(guest, { ...o, files: [{ path, content: '', mode: 0o600 }] }), Failure);
});

/** A directory in which files are put into their places, as containers do it. */
function places(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), 'ia-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const at = (name: string) => join(directory, name);
  writeFileSync(at('put.sh'), guest.put);
  let count = 0;
  const put = (way: string, content: string, name = 'file') => {
    const came = at(`came-${count++}`);
    writeFileSync(came, content, { mode: 0o640 });
    const owner = `${process.getuid?.()}:${process.getgid?.()}`;
    return promisify(execFile)('/bin/sh', [at('put.sh'), way, at(name), came, owner]);
  };
  const text = (name = 'file') => readFileSync(at(name), 'utf8');
  return { at, put, text };
}

test('the managed block is there once, however often it is written, and the rest stays', async t => {
  const { at, put, text } = places(t);
  const after = async (content: string) => {
    await put('block', managedBlock(content));
    return text();
  };
  assert.equal(await after('alone'), managedBlock('alone'));
  writeFileSync(at('file'), 'mine\n');
  writeFileSync(at('file'), `${await after('one')}after\n`);
  assert.equal(await after('two'), `mine\nafter\n${managedBlock('two')}`);
  for (const broken of [`${BLOCK_BEGIN}\nno end\n`, `no line end, ${BLOCK_END}\n${BLOCK_END}\nlast`]) {
    writeFileSync(at('file'), broken);
    for (const content of ['x', 'x', 'y'])
      assert.equal(await after(content), `${broken.trimEnd()}\n${managedBlock(content)}`);
  }
});

test('a file that several containers share is whole at any time while all of them put something into it', async t => {
  const { at, put, text } = places(t);
  const mine = Array.from({ length: 500 }, (_, i) => `what to remember, ${i}\n`).join('');
  const block = managedBlock('told');
  writeFileSync(at('file'), mine, { mode: 0o604 });
  const seen = new Set<string>();
  let ended = false;
  const watch = (async () => {
    for (; !ended; await setImmediate()) seen.add(text());
  })();
  await Promise.all(Array.from({ length: 8 }, () => put('block', block)));
  ended = true;
  await watch;
  assert.deepEqual(
    [...seen].filter(content => content !== mine && content !== mine + block),
    [],
  );
  assert.equal(text(), mine + block);
  assert.equal(statSync(at('file')).mode & 0o777, 0o604, 'it is as readable as it was');
  const { ino } = statSync(at('file'));
  await put('block', block);
  assert.equal(statSync(at('file')).ino, ino, 'what is right already is left alone');
  assert.deepEqual(
    readdirSync(at('.')).filter(name => /^file./.test(name)),
    [],
    'nothing lies about',
  );
});

test('a file to keep is kept, others take the place of what is there, and links lead on', async t => {
  const { at, put, text } = places(t);
  await put('keep', 'first');
  await put('keep', 'second');
  assert.equal(text(), 'first');
  await put('keep', 'first\nand more');
  assert.equal(text(), 'first\nand more', 'it is ours by its first line');
  symlinkSync('file', at('link'));
  await put('json', '{}', 'link');
  assert.equal(text(), '{}');
  assert.ok(lstatSync(at('link')).isSymbolicLink());
  assert.equal(statSync(at('file')).mode & 0o777, 0o640);
  symlinkSync('nowhere/at/all', at('astray'));
  await put('json', '{}', 'astray');
  assert.ok(lstatSync(at('astray')).isFile());
  mkdirSync(at('directory'));
  await assert.rejects(put('json', '{}', 'directory'), /it is a directory/);
});

test('what is put into a place that may be shared comes through a directory of the container', () => {
  const file = { path: '/home/code/.claude/CLAUDE.md', content: 'x', mode: 0o644, merge: 'block' as const };
  const plan = startPlan(guest, { ...o, files: [file] });
  const list = execFileSync('tar', ['-tf', '-'], { input: plan.stdin }).toString();
  assert.deepEqual(list.match(/.*CLAUDE.*/g), ['home/code/.incus-agents/put/block/home/code/.claude/CLAUDE.md']);
});

test('the context names what the slot is, and leaves no placeholder', () => {
  const facts = {
    workspace: '/workspace',
    home: '/home/code',
    container: 'c',
    agent: 'claude',
    network: 'Internet, no private addresses.',
  };
  const text = contextText(guest, {
    ...facts,
    persistent: false,
    docker: true,
    protectedPaths: ['.git/hooks'],
    more: '{{home}} $&',
  });
  assert.doesNotMatch(text.split('# User-Provided')[0] ?? '', /\{\{/);
  assert.match(text, /`\.git\/hooks`/);
  assert.ok(text.endsWith('# User-Provided Profile Context\n\n{{home}} $&\n'));
});

test('time zones and failures of the start are told in words', () => {
  for (const zone of ['../../etc/passwd', '/etc/x', 'a b', '']) assert.throws(() => timezoneEntries(zone), Failure);
  assert.equal(
    timezoneEntries('America/Argentina/Buenos_Aires')[0]?.content,
    '/usr/share/zoneinfo/America/Argentina/Buenos_Aires',
  );
  assert.match(explainStart(61, '').message, /no tmux/);
  assert.match(explainStart(3, '\u001b[31mx').message, /exit code 3/);
  assert.equal(explainStart(3, '\u001b[31mx').detail, '[31mx');
});

test('text to be typed goes through stdin', () => {
  const session = { container: 'c', uid: 1000, gid: 1000, home: '/home/code', tmuxEnv: true, agent: 'claude' };
  const plan = sendKeys(session, 'private words');
  assert.equal(plan.stdin, 'private words');
  assert.equal(
    sendKeys(session, 'a\r\n\tb\u001b[201~\r\u0003\u009b\u007fé').stdin,
    'a\n\tb[201~é',
    'it presses no keys',
  );
  assert.doesNotMatch(plan.argv.join(' '), /private/);
  assert.equal(plan.env.TMUX_TMPDIR, '/home/code/.incus-agents/tmux');
  assert.equal(capture({ ...session, tmuxEnv: false }, 1e9).argv.at(-1), '-50000');
  assert.equal(lastLines('a\nb\n\n\n', 1), 'b');
});

test('a terminal is known by its marker, and names reach the script as words', () => {
  const { file, args, env } = attachArgs(guest, {
    ...{ container: 'c', project: 'default', kind: 'agent', cwd: "/a '$(id)", uid: 1000, gid: 1000 },
    ...{ home: '/home/code', incusBinary: '/usr/bin/incus', tmuxEnv: true },
  } as const);
  assert.equal(file, '/bin/sh');
  assert.equal(args[2], 'INCUS_AGENTS_TERMINAL=c/agent');
  assert.ok(args.includes("/a '$(id)"));
  assert.doesNotMatch(env.PATH ?? '', /^$|home|::|:$/);
  for (const name of ['TMUX', 'PERL5OPT', 'LD_PRELOAD']) assert.equal(env[name], null);
});
