import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../../../server/base/errors.ts';
import { type CommandOptions, commandEnvironment, runCommands } from '../../../server/sharing/commands.ts';

const root = await mkdtemp(join(tmpdir(), 'ia-commands-'));
after(() => rm(root, { recursive: true, force: true }));
const options: CommandOptions = {
  environment: { PATH: '/usr/bin:/bin', HOME: root },
  directory: root,
  timeoutMs: 20_000,
  signal: new AbortController().signal,
};
const run = (commands: Record<string, string>, more: Partial<CommandOptions> = {}) =>
  runCommands(commands, { ...options, ...more });

async function refused(kind: string, message: RegExp, command: string, more: Partial<CommandOptions> = {}) {
  return assert.rejects(run({ TOKEN: command }, more), error => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    assert.doesNotMatch(JSON.stringify([error.message, error.data()]), /the value/);
    return true;
  });
}

test('a variable is what its command writes, run by a shell with nothing but the given environment', async () => {
  const values = await run({
    A: 'printf "  one\\ntwo \\n\\n"',
    B: 'pwd; echo "$HOME" | wc -l; echo $((1 + 2))',
    C: 'env | cut -d= -f1 | sort | tr "\\n" " "',
    D: 'true',
  });
  assert.deepEqual(values, { A: 'one\ntwo', B: `${root}\n1\n3`, C: 'HOME PATH PWD', D: '' });
});

test('a command that fails says which variable and why, and never what it wrote', async () => {
  await refused('config', /TOKEN ended with exit code 3/, 'echo the value; exit 3');
  await refused('config', /TOKEN ended with SIGTERM/, 'echo the value; kill $$');
  await refused('config', /TOKEN wrote more than/, 'while :; do echo the value; done');
  await refused('config', /NUL/, 'printf "the value\\0"');
  const failure = await run({ TOKEN: 'echo not in the store >&2; exit 1' }).catch((error: Failure) => error);
  assert.equal(failure instanceof Failure && failure.detail, 'not in the store');
});

test('one that takes too long is ended with all that it started, and so are the others', async () => {
  await refused('config', /TOKEN took longer than 0.3 s/, `(sleep 1; touch ${root}/late) & wait`, { timeoutMs: 300 });
  await assert.rejects(run({ A: `sleep 1; touch ${root}/late`, B: 'exit 1' }), /variable B/);
  const given = new AbortController();
  const waiting = refused('cancelled', /given up/, `sleep 1; touch ${root}/late`, { signal: given.signal });
  given.abort();
  await waiting;
  await sleep(1200); // What is looked for is that nothing happens meanwhile.
  assert.equal(existsSync(`${root}/late`), false);
});

test('one that leaves something running is not waited for', async () => {
  const began = performance.now();
  assert.deepEqual(await run({ A: 'echo x; sleep 20 &' }), { A: 'x' });
  assert.ok(performance.now() - began < 10_000);
});

test('no program is found where an agent can write', () => {
  const given = { PATH: `bin:/ws/node_modules/.bin:/ws2/bin:.::/opt/bin`, LANG: 'C' };
  assert.deepEqual(commandEnvironment(given, '/home/me', ['/ws']), {
    HOME: '/home/me',
    LANG: 'C',
    PATH: '/ws2/bin:/opt/bin',
  });
  assert.equal(commandEnvironment({}, '/home/me', []).PATH, '/usr/local/bin:/usr/bin:/bin');
});
