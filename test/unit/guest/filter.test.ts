import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const FILTER = fileURLToPath(new URL('../../../media/guest/filter.pl', import.meta.url));

/** What comes out of the filter when a program prints `text`, in one piece or byte by byte, and how it ended. */
async function shown(text: string, bytewise = false): Promise<string> {
  const slowly = 'for (split //, $ARGV[0]) { syswrite STDOUT, $_; select undef, undef, undef, 0.002 }';
  const program = bytewise ? ['perl', '-e', slowly, text] : ['printf', '%s', text];
  return (await run(program)).output;
}

interface Input {
  /** What must have been shown before. */
  after: string;
  text: string;
}

async function run(program: readonly string[], input?: Input): Promise<{ output: string; code: number | null }> {
  const child = spawn('perl', [FILTER, ...program], { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  let typed = false;
  child.stdout.setEncoding('utf8').on('data', chunk => {
    output += chunk;
    if (typed || input === undefined || !output.includes(input.after)) return;
    typed = true;
    child.stdin.write(input.text);
  });
  if (input === undefined) child.stdin.end();
  const code = await new Promise<number | null>(done => child.once('close', done));
  return { output, code };
}

const CLIPBOARD = '52;c;ZXZpbA==';

test('what a terminal would obey and show nobody does not pass, however it is written', async () => {
  const hidden = [
    `\u001b]${CLIPBOARD}\u0007`,
    `\u001b]${CLIPBOARD}\u001b\\`,
    '\u001b]52;c;?\u0007',
    `\u001b]052;c;?\u0007`,
    `\u001b\u0001]${CLIPBOARD}\u0007`,
    `\u001b]5\u001c2;c;?\u0007`,
    `\u009d${CLIPBOARD}\u009c`,
    `\u001b]8;;x\u001b]${CLIPBOARD}\u0007`,
    `\u001b]0;title\u001b\\`,
    '\u001b]633;E;rm -rf\u0007',
    '\u001b]1337;File=inline=1:AAAA\u0007',
    `\u001bPtmux;\u001b\u001b]${CLIPBOARD}\u0007\u001b\\`,
    `\u001b_x\u001b\\`,
    '\u0090q\u009c',
    `\u001b]8;;${'x'.repeat(20_000)}\u0007`,
  ];
  for (const each of hidden) {
    for (const bytewise of each.length < 100 ? [false, true] : [false]) {
      const rest = (await shown(`before${each}after`, bytewise)).replaceAll('\u001b\\', '').replaceAll('\u009c', '');
      const kept = each.startsWith('\u001b]8;;x\u001b') ? '\u001b]8;;x\u0007' : '';
      assert.equal(rest, `before${kept}after`, JSON.stringify(each.slice(0, 60)));
    }
  }
});

test('text, colours and links stay as they are', async () => {
  const text =
    'grüße Ü€😀©\u001b[31mred\u001b[0m\u001b(B\u001b]8;;https://example.org/ü\u0007link\u001b]8;;\u0007\u001b]10;?\u0007';
  assert.equal(await shown(text), text);
  assert.equal(await shown(text, true), text);
});

test('the end of the program, its size and what is typed are passed on', async () => {
  const answer = { after: '?', text: 'typed\n' };
  assert.equal((await run(['sh', '-c', 'exit 7'])).code, 7);
  assert.equal((await run(['sh', '-c', 'kill -9 $$'])).code, 137);
  assert.equal((await run(['sh', '-c', 'echo ?; read -r a; echo "<$a>"'], answer)).output, '?\r\ntyped\r\n<typed>\r\n');
  const script = ['-qec', `stty rows 33 cols 77; perl '${FILTER}' stty size`, '/dev/null'];
  const outer = spawn('script', script, { stdio: ['pipe', 'pipe', 'inherit'] });
  let size = '';
  outer.stdout.setEncoding('utf8').on('data', chunk => (size += chunk));
  await new Promise(done => outer.once('close', done));
  assert.equal(size.trim(), '33 77');
});

test('a large paste into a program that prints without end holds nobody up', async () => {
  const program = 'stty raw -echo; echo ready; yes | head -c 200000 & head -c 300000 | wc -c; wait';
  const { output } = await run(['sh', '-c', program], { after: 'ready', text: 'p'.repeat(300_000) });
  assert.match(output, /^300000$/m);
  assert.ok(output.length > 200_000);
});
