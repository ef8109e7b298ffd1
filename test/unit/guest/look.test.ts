import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_SESSION, parseLook } from '../../../server/guest/keys.ts';

const NOW = 1_800_000_000_000;
const seen = (text: string) => parseLook(0, text, NOW)?.seen;

test('what has the terminal: a bare shell, another program, nothing', () => {
  for (const shell of ['-bash', '/bin/bash -l', 'bash', 'sh', '/usr/bin/zsh -il', 'fish --login'])
    assert.equal(seen(`1700000000 42 ${shell} \n`), 'shell', shell);
  const programs = [
    'sh /home/code/.incus-agents/launch',
    'bash -c trap : INT; claude --verbose; exec bash',
    'node /usr/local/bin/gemini',
    'bashful',
  ];
  for (const program of programs) assert.equal(seen(`1700000000 42 ${program} \n`), 'program', program);
  assert.deepEqual(parseLook(NO_SESSION, '', NOW), { seen: 'none' });
});

test('a program in any pane counts, with the time of its screen, which is never later than now', () => {
  const found = parseLook(0, '1700000000 0 -bash\n1700000005 42 sleep infinity \n', NOW);
  assert.deepEqual(found, { seen: 'program', command: 'sleep infinity', changedAt: 1_700_000_005_000, screen: '42' });
  assert.equal(parseLook(0, '999999999999 42 vim\n', NOW)?.changedAt, NOW);
});

test('what cannot be understood says nothing', () => {
  for (const text of ['', '\n', 'x y\n', '1700000000 \n', '-1 42 bash\n', '1700000000 42 \n'])
    assert.equal(parseLook(0, text, NOW), undefined);
});
