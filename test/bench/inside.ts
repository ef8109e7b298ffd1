import { spawn } from 'node:child_process';
import { incus, type Setting } from './setting.ts';
import { median, paired, print, spread, timed } from './table.ts';

/** Short commands in a running slot, and the way from a click to the first screen. */
export async function benchInside(setting: Setting): Promise<void> {
  const { container } = await setting.backend.call('slot/open', { workspace: setting.workspace, agent: 'shell' });
  // Right after a start execs can fail, and systemd takes the processors.
  await setting.backend.call('slot/exec', {
    container,
    user: 'root',
    argv: ['systemctl', 'is-system-running', '--wait'],
  });
  await benchExec(setting, container);
  await benchParallel(setting, container);
  await benchAttach(setting, container);
  await setting.backend.call('slot/kill', { container });
}

async function benchExec({ backend }: Setting, container: string): Promise<void> {
  const ours = () => timed(() => backend.call('slot/exec', { container, argv: ['true'] }));
  const theirs = () => timed(() => incus('exec', container, '-T', '--', 'true'));
  const { a, b } = await paired(25, ours, theirs);
  print({
    what: 'exec true / incus exec',
    value: median(a) / median(b),
    unit: '×',
    bar: 0.5,
    detail: `${spread(a)} / ${spread(b)}`,
  });
}

/** Twenty sleeps of 200 ms: one after the other they would take four seconds. */
async function benchParallel({ backend }: Setting, container: string): Promise<void> {
  const all = await timed(() =>
    Promise.all(Array.from({ length: 20 }, () => backend.call('slot/exec', { container, argv: ['sleep', '0.2'] }))),
  );
  print({
    what: '20 execs of 0.2 s at once / one after the other',
    value: all / 4000,
    unit: '×',
    bar: 0.35,
    detail: `${Math.round(all)} ms`,
  });
}

async function benchAttach({ backend }: Setting, container: string): Promise<void> {
  const tmux = 'TMUX_TMPDIR=/home/code/.incus-agents/tmux';
  const theirs = [
    'exec',
    container,
    '-t',
    '--user',
    '1000',
    '--env',
    'HOME=/home/code',
    '--env',
    tmux,
    '--',
    'tmux',
    'attach',
    '-t',
    `coi-${container}`,
  ];
  const ours = async () => {
    const start = performance.now();
    const { file, args } = await backend.call('slot/attach', { container });
    await firstScreen([file, ...args]);
    return performance.now() - start;
  };
  const { a, b } = await paired(15, ours, () => timed(() => firstScreen(['incus', ...theirs])));
  print({
    what: 'attach → first screen / incus exec -t tmux attach',
    value: median(a) / median(b),
    unit: '×',
    bar: 1.1,
    detail: `${spread(a)} / ${spread(b)}`,
  });
}

/** Runs a command in a terminal of its own until its screen shows the prompt. */
function firstScreen(command: string[]): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const quoted = command.map(word => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const child = spawn('script', ['-qfec', quoted, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color' },
  });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
    if (seen.includes('/workspace')) resolve();
  });
  child.on('exit', () => reject(new Error(`no screen: ${JSON.stringify(seen.slice(-500))}`)));
  return promise.finally(() => child.kill('SIGHUP'));
}
