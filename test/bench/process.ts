import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startBackend } from '../support/backend.ts';
import { BUNDLE, type Setting } from './setting.ts';
import { median, print, spread, timed } from './table.ts';

const EXTENSION = fileURLToPath(new URL('../../dist/extension.cjs', import.meta.url));
const LIBRARY = fileURLToPath(new URL('../../dist/jsonrpc.cjs', import.meta.url));
const LOADER = fileURLToPath(new URL('./load-extension.cjs', import.meta.url));

/** Resident memory of a process, in megabytes of 10^6 bytes. */
export function residentMegabytes(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / 1e6;
}

/** Start, memory and idle cost of the backend; size and load of the extension. */
export async function benchProcess(setting: Setting): Promise<void> {
  await benchStart(setting);
  const { pid } = setting.backend.process;
  print({
    what: 'backend: resident',
    value: residentMegabytes(pid),
    unit: ' MB',
    bar: 110,
    detail: 'after the handshake and the first list',
  });
  const before = cpuTicks(pid);
  await wait(10_000);
  print({
    what: 'backend: CPU in 10 s of idling',
    value: (cpuTicks(pid) - before) * 10,
    unit: ' ms',
    bar: 10,
    detail: 'one tick of the kernel is 10 ms',
  });
  benchBundle();
  benchExtension();
}

/** The bar is about what every window reads when it activates. The library of the protocol is another file, which is read with the first connection. */
function benchBundle(): void {
  const [bundle, library] = [EXTENSION, LIBRARY].map(path => statSync(path).size / 1000);
  if (bundle === undefined || library === undefined) throw new Error('There is no bundle: npm run build');
  const detail = `read at activation; ${Math.round(library)} kB more with the first connection`;
  print({ what: 'extension: bundle', value: bundle, unit: ' kB', bar: 150, detail });
}

async function benchStart({ home }: Setting): Promise<void> {
  const times: number[] = [];
  for (let i = 0; i < 11; i++) {
    let end = async () => {};
    const time = await timed(async () => {
      const backend = await startBackend({ script: BUNDLE, env: { HOME: home } });
      end = () => backend.end();
    });
    await end();
    if (i > 0) times.push(time);
  }
  print({ what: 'backend: spawn → handshake', value: median(times), unit: ' ms', bar: 250, detail: spread(times) });
}

/** Loading and activating with an editor that does nothing, in fresh processes; the editor tests have the real one. */
function benchExtension(): void {
  const times = Array.from({ length: 9 }, () => {
    const { stdout, stderr, status } = spawnSync(process.execPath, [LOADER, EXTENSION], { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
    return Number(stdout);
  });
  print({ what: 'extension: load + activate', value: median(times), unit: ' ms', bar: 30, detail: spread(times) });
}

/** User and system time so far, in the kernel's ticks. */
function cpuTicks(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
