import { IMAGE, incus, type Setting } from './setting.ts';
import { median, paired, print, spread, timed } from './table.ts';

/** From the request to the agent's tmux session, against what a person would type for a bare container. */
export async function benchOpen(setting: Setting): Promise<void> {
  const phases = new Map<string, number[]>();
  const card = await cardOfProfile();
  const { a, b } = await paired(
    9,
    () => open(setting, phases),
    () => byHand(setting, card),
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

/** The same container as a slot has: its keys, its folders, its fixed address. What only we do (hooks, an agent) is left out. */
async function byHand({ workspace, home }: Setting, { address, bridge }: Card): Promise<number> {
  const name = `ia-bench-${process.pid}`;
  const signals = home;
  const keys = ['security.nesting=true', 'security.guestapi=false', 'raw.idmap=both 1000 1000'];
  const disk = (device: string, source: string, path: string) =>
    incus('config', 'device', 'add', name, device, 'disk', `source=${source}`, `path=${path}`);
  try {
    return await timed(async () => {
      await incus('init', IMAGE, name, ...keys.flatMap(key => ['-c', key]));
      await disk('workspace', workspace, '/workspace');
      await disk('signals', signals, '/home/code/signals');
      await incus('config', 'device', 'add', name, 'eth0', 'nic', `network=${bridge}`, `ipv4.address=${address}`);
      await incus('start', name);
      await firstExec(name);
    });
  } finally {
    await incus('delete', '-f', name);
  }
}

/** Where a container gets its address, and one that no slot has: they are given from within the network. */
interface Card {
  bridge: string;
  address: string;
}

async function cardOfProfile(): Promise<Card> {
  const profile: { devices: Record<string, { type: string; network?: string }> } = JSON.parse(
    await incus('query', '/1.0/profiles/default'),
  );
  const bridge = Object.values(profile.devices).find(device => device.type === 'nic')?.network ?? '';
  const network: { config: Record<string, string> } = JSON.parse(await incus('query', `/1.0/networks/${bridge}`));
  const gateway = network.config['ipv4.address']?.split('/')[0] ?? '';
  return { bridge, address: gateway.replace(/\.\d+$/, '.250') };
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
