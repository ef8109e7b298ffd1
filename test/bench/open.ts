import { IMAGE, incus, type Setting } from './setting.ts';
import { median, paired, print, spread, timed } from './table.ts';

/** From the request to the agent's tmux session, against what a person would type for a bare container. */
export async function benchOpen(setting: Setting): Promise<void> {
  const phases = new Map<string, number[]>();
  const { a, b } = await paired(
    9,
    () => open(setting, phases),
    () => byHand(setting),
  );
  const listed = [...phases].map(([phase, times]) => `${phase} ${Math.round(median(times))}`).join(', ');
  print({
    what: 'open / incus init, devices, start, first exec',
    value: median(a) / median(b),
    unit: '×',
    bar: 0.9,
    detail: `${spread(a)} / ${spread(b)}; phases: ${listed} ms`,
  });
}

async function open({ backend, workspace }: Setting, phases: Map<string, number[]>): Promise<number> {
  const marks: { phase: string; at: number }[] = [];
  const start = performance.now();
  const onProgress = ({ phase }: { phase: string }) => {
    if (marks.at(-1)?.phase !== phase) marks.push({ phase, at: performance.now() });
  };
  const { container } = await backend.call('slot/open', { workspace, agent: 'shell' }, { onProgress });
  const end = performance.now();
  marks.forEach(({ phase, at }, i) => {
    const times = phases.get(phase) ?? [];
    phases.set(phase, [...times, (marks[i + 1]?.at ?? end) - at]);
  });
  await backend.call('slot/kill', { container });
  return end - start;
}

async function byHand({ workspace }: Setting): Promise<number> {
  const name = `ia-bench-${process.pid}`;
  try {
    return await timed(async () => {
      await incus('init', IMAGE, name, '-c', 'security.nesting=true', '-c', 'raw.idmap=both 1000 1000');
      await incus('config', 'device', 'add', name, 'workspace', 'disk', `source=${workspace}`, 'path=/workspace');
      await incus('start', name);
      await firstExec(name);
    });
  } finally {
    await incus('delete', '-f', name);
  }
}

async function firstExec(name: string): Promise<void> {
  for (;;) {
    try {
      await incus('exec', name, '--', 'true');
      return;
    } catch (error) {
      if (!String(error).includes('not running')) throw error;
    }
  }
}
