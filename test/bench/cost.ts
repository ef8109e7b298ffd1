import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { agentNamed } from '../../server/agents/registry.ts';
import { SIGNALS } from '../../server/agents/signal.ts';
import { Attention } from '../../server/attention/attention.ts';
import { silentLog } from '../../server/base/log.ts';
import { SessionBoard } from '../../server/flows/sessions/board.ts';
import type { Instance } from '../../server/incus/types/instance.ts';
import type { StateChange } from '../../server/protocol/types.ts';
import { SessionStore } from '../../server/sessions/store.ts';
import type { SessionRecord } from '../../server/sessions/types.ts';
import { identify, slotConfig } from '../../server/slots/keys.ts';
import { containerName } from '../../server/slots/names.ts';
import { SlotBoard } from '../../server/state/board.ts';
import { StateStore } from '../../server/state/store.ts';
import type { Setting } from './setting.ts';
import { print } from './table.ts';

const SLOTS = 20;
const COST_MS = 20_000;
const WRITER = fileURLToPath(new URL('./write-signals.ts', import.meta.url));
/** A conversation of a long day. */
const TURNS = 2000;

/**
 * What following working agents costs: sessions with long conversations, to which another process writes what a busy claude does. All
 * that the backend does about it is done, up to what it tells its clients. No containers: they cost it nothing more.
 */
export async function benchCost({ home }: Setting): Promise<void> {
  const sessions = new SessionStore({ home, log: silentLog, reader: agentNamed });
  const store = new StateStore();
  const board = new SlotBoard(store, identify);
  const attention = new Attention(silentLog);
  const parts = { sessions, attention, board, store, log: silentLog };
  const follower = new SessionBoard(parts);
  let told = 0;
  store.onChange((change: StateChange) => {
    told += JSON.stringify(change).length;
  });
  const dirs = [];
  for (let i = 0; i < SLOTS; i++) dirs.push(await workingSlot(sessions, board, follower, join(home, `cost-${i}`)));
  await follower.list();
  const writer = fork(WRITER, dirs);
  await once(writer, 'message');
  const [cpu, from] = [process.cpuUsage(), performance.now()];
  await sleep(COST_MS);
  const { user, system } = process.cpuUsage(cpu);
  const share = ((user + system) / 1000 / (performance.now() - from)) * 100;
  const states = store.slots().map(slot => slot.agentState.state);
  const heard = states.filter(state => state === 'working' || state === 'idle').length;
  writer.kill();
  follower.close();
  const detail = `${heard} heard, ${Math.round(told / 1024)} KiB told; hook, note and message per slot every 2 s; no containers`;
  print({ what: `backend: ${SLOTS} working slots`, value: share, unit: ' %', bar: 3, detail });
}

/** A slot whose claude has worked for a day; gives its session's directory. */
async function workingSlot(
  sessions: SessionStore,
  board: SlotBoard,
  follower: SessionBoard,
  workspace: string,
): Promise<string> {
  const container = containerName(workspace, 1);
  const path = '/workspace';
  const record = await sessions.create({ agent: 'claude', workspace, path, persistent: false, container, slot: 1 });
  const dir = sessions.directory('claude', record.id);
  for (const sub of [SIGNALS.saved, '.claude/sessions', '.claude/projects/-workspace'])
    await mkdir(join(dir, sub), { recursive: true });
  const lines = Array.from({ length: TURNS }, (_, i) => turn(`Turn ${i}. ${'word '.repeat(200)}`));
  await writeFile(join(dir, '.claude/projects/-workspace', `${record.id}.jsonl`), lines.join(''));
  const instance = instanceOf(container, workspace, record);
  board.see(container, instance);
  follower.see(container, instance);
  return dir;
}

function turn(content: string): string {
  const timestamp = new Date().toISOString();
  return `${JSON.stringify({ type: 'user', timestamp, message: { role: 'user', content } })}\n`;
}

/** What Incus says of a running container of ours. */
function instanceOf(name: string, workspace: string, { id }: SessionRecord): Instance {
  const config = slotConfig({ workspace, slot: 1, agent: 'claude', session: id, image: 'any', persistent: false });
  const now = new Date().toISOString();
  return {
    ...{ name, status: 'Running', statusCode: 103, running: true, frozen: false, type: 'container' },
    ...{ createdAt: now, lastUsedAt: now, config, devices: {}, expandedConfig: config, expandedDevices: {} },
    ...{ profiles: [], ephemeral: false, stateful: false, description: '', architecture: '', project: 'default' },
    location: 'none',
  };
}
