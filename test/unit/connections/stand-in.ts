// A backend with everything but Incus below it: what the connections serve is made up here, the rest is the real thing.
import '../../../server/connections/guard.ts';
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Failure } from '../../../server/base/errors.ts';
import type { App, AppOptions } from '../../../server/connections/app.ts';
import { run } from '../../../server/connections/run.ts';
import type { RequestContext } from '../../../server/flows/context.ts';
import type { Handlers } from '../../../server/methods/handlers.ts';
import type { Slot, StateChange } from '../../../server/protocol/types.ts';

interface Params {
  container: string;
  text?: string;
  lines?: number;
  timeout?: number;
}

// Clean command lines only: `--as VERSION --duty NAME --no-permission` come before the backend's own.
const argv = process.argv.slice(2);
const version = take('--as') ?? '0.1.0';
const duty = take('--duty');
const permissionLost = take('--permission') === 'lost';

function take(name: string): string | undefined {
  const at = argv.indexOf(name);
  return at < 0 ? undefined : argv.splice(at, 2)[1];
}

function slotNamed(container: string, image = 'coi-default'): Slot {
  return {
    container,
    workspace: '/w',
    slot: 1,
    status: 'running',
    persistent: false,
    agent: 'shell',
    agentState: { state: 'idle', since: '2026-01-01T00:00:00Z' },
    image,
    network: 'open',
    protection: 'off',
    mounts: [],
    createdAt: '2026-01-01T00:00:00Z',
  };
}

async function createApp(options: AppOptions): Promise<App> {
  const slots = new Map<string, Slot>();
  const changeListeners = new Set<(change: StateChange) => void>();
  const messageListeners = new Set<(message: { level: 'info'; message: string }) => void>();
  let revision = 1;
  let busy = 0;
  const put = (slot: Slot) => {
    slots.set(slot.container, slot);
    revision += 1;
    for (const listener of changeListeners) listener({ revision, slots: [slot] });
  };
  const handlers: Handlers = {
    'slot/capture': async (params, context) => ({ text: await answer(params as Params, context, options) }),
    async 'slot/start'(params, context) {
      const { container } = params as Params;
      const note = (text: string) => appendFileSync(container, `${text}\n`);
      note('started');
      context.progress({ phase: 'started' });
      const { promise, resolve } = Promise.withResolvers<void>();
      context.signal.addEventListener('abort', () => resolve());
      await promise;
      await delay(100);
      note('undone');
      throw context.signal.reason;
    },
    async 'slot/stop'(params) {
      busy += 1;
      await delay((params as Params).timeout ?? 0);
      busy -= 1;
      return {};
    },
    async 'slot/pause'(params) {
      put(slotNamed((params as Params).container));
      return {};
    },
    async 'slot/send'(params) {
      const { container, text = '', lines = 1 } = params as Params;
      for (let i = 0; i < lines; i += 1) {
        put(slotNamed(container, text));
        if (i % 100 === 0) await delay(1);
      }
      return {};
    },
    async 'slot/unpause'(params) {
      for (const listener of messageListeners) listener({ level: 'info', message: (params as Params).container });
      return {};
    },
  };
  return {
    handlers,
    snapshot: () => ({ revision, incus: { status: 'ready' }, slots: [...slots.values()], sessions: [] }),
    onChange(listener) {
      changeListeners.add(listener);
      return () => changeListeners.delete(listener);
    },
    onMessage(listener) {
      messageListeners.add(listener);
      return () => messageListeners.delete(listener);
    },
    duties: () => (duty === undefined ? [] : [duty]),
    busy: () => busy,
    permissionLost: () => permissionLost,
    async drain() {},
    async close() {},
  };
}

async function answer(params: Params, context: RequestContext, options: AppOptions): Promise<string> {
  switch (params.container) {
    case 'stray':
      console.log('a stray line');
      console.info('and another one');
      process.stdout.write('written by a library\n');
      return 'still there';
    case 'process':
      return JSON.stringify({ cwd: process.cwd(), env: process.env, key: options.backendKey, uid: options.uid });
    case 'alive':
      return String(await options.backendAlive(params.text ?? ''));
    case 'secret':
      return String(await context.client.secret('token'));
    case 'environment':
      return JSON.stringify(await context.client.environment(['A', 'B']));
    case 'client':
      return JSON.stringify({ workspaces: context.client.workspaces, settings: context.client.settings });
    case 'failure':
      throw new Failure('conflict', 'Slot 1 is taken.', { hint: 'Take another one.', detail: 'd' });
    case 'unexpected':
      throw new TypeError('boom');
    case 'crash':
      process.exit(70);
      break;
    case 'memory':
      return String(process.memoryUsage.rss());
  }
  return 'nothing';
}

await run({ argv, version, createApp });
