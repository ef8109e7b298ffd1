import { setTimeout as wait } from 'node:timers/promises';
import { containerName } from '../../server/slots/names.ts';
import { residentMegabytes } from './process.ts';
import { IMAGE, incus, type Setting } from './setting.ts';
import { median, paired, print, spread, timed } from './table.ts';

const COUNT = 50;

/** Listing fifty containers, what they cost in memory, and how soon a change by another program is seen. */
export async function benchState(setting: Setting): Promise<void> {
  const { backend, workspace } = setting;
  // What starting takes is counted elsewhere.
  await wait(3000);
  const before = residentMegabytes(backend.process.pid);
  const names = Array.from({ length: COUNT }, (_, i) => containerName(workspace, i + 1));
  try {
    for (const name of names) await incus('init', IMAGE, name, '-c', `user.incus-agents.workspace=${workspace}`);
    const last = names.at(-1) ?? '';
    await backend.when(last, slot => slot !== undefined);
    const { a, b } = await paired(
      15,
      () => timed(() => backend.call('state/get', {})),
      () => timed(() => incus('list', '-f', 'json')),
    );
    print({
      what: `list of ${COUNT} containers / incus list -f json`,
      value: median(a) / median(b),
      unit: '×',
      bar: 0.2,
      detail: `${spread(a)} / ${spread(b)}`,
    });
    const after = residentMegabytes(backend.process.pid);
    print({
      what: `backend: memory of ${COUNT} slots`,
      value: after - before,
      unit: ' MB',
      bar: 10,
      detail: `${after.toFixed(0)} MB resident`,
    });
    await benchForeignChange(setting, last);
  } finally {
    for (const name of names) await incus('delete', '-f', name).catch(() => undefined);
    for (const name of names) await backend.when(name, slot => slot === undefined);
  }
}

/** From the moment at which another program's command has returned to the change at the client. */
async function benchForeignChange({ backend }: Setting, name: string): Promise<void> {
  const delays: number[] = [];
  for (let i = 0; i < 20; i++) {
    const wanted = i % 2 === 0;
    const seen = backend.when(name, slot => slot?.persistent === wanted).then(() => performance.now());
    await incus('config', 'set', name, `user.incus-agents.persistent=${wanted}`);
    const returned = performance.now();
    delays.push(Math.max(0, (await seen) - returned));
  }
  print({
    what: "another program's change → client",
    value: Math.max(...delays),
    unit: ' ms',
    bar: 250,
    detail: spread(delays),
  });
}
