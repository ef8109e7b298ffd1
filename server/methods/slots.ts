import { attachTerminal } from '../flows/attach.ts';
import { configureSlot } from '../flows/configure.ts';
import type { RequestContext } from '../flows/context.ts';
import type { FlowDeps } from '../flows/deps.ts';
import { execInSlot } from '../flows/exec.ts';
import { openSlot } from '../flows/open/open.ts';
import { startSlot } from '../flows/open/start.ts';
import { pauseSlot, persistSlot, unpauseSlot } from '../flows/power.ts';
import { slotReach } from '../flows/reach.ts';
import { captureScreen, sendText } from '../flows/screen.ts';
import { closeSlot, deleteSlot, killSlot, stopSlot } from '../flows/stop.ts';
import { MAX_STOP_SECONDS, stopSeconds } from '../flows/stop-seconds.ts';
import { slotUsage } from '../flows/usage.ts';
import { MAX_SLOT } from '../slots/names.ts';
import type { Handlers } from './handlers.ts';
import { Params } from './validate.ts';

type Act = (name: string, context: RequestContext) => Promise<void>;
type StopAct = (deps: FlowDeps, name: string, seconds: number, signal: AbortSignal) => Promise<void>;

/** The methods about slots. */
export function slotHandlers(deps: FlowDeps): Handlers {
  return {
    'slot/open': async (params, context) => {
      const p = new Params(params);
      const optional = {
        slot: p.optional('slot', o => o.integer('slot', 1, MAX_SLOT)),
        agent: p.optional('agent', o => o.string('agent')),
        profile: p.optional('profile', o => o.string('profile')),
        image: p.optional('image', o => o.string('image')),
        persistent: p.optional('persistent', o => o.boolean('persistent')),
        resume: p.optional('resume', o => o.string('resume')),
        prompt: p.optional('prompt', o => o.string('prompt')),
      };
      // Only its type counts here: it tells clients not to open a terminal.
      p.optional('background', o => o.boolean('background'));
      return openSlot(deps, { workspace: p.string('workspace'), ...optional }, context);
    },
    'slot/attach': async (params, { signal }) => {
      const p = new Params(params);
      const kind = p.optional('kind', o => o.oneOf('kind', ['agent', 'shell', 'root'] as const)) ?? 'agent';
      return attachTerminal(deps, p.string('container'), kind, signal);
    },
    'slot/start': act((name, context) => startSlot(deps, name, context)),
    'slot/pause': act((name, { signal }) => pauseSlot(deps, name, signal)),
    'slot/unpause': act((name, { signal }) => unpauseSlot(deps, name, signal)),
    'slot/persist': act((name, { signal }) => persistSlot(deps, name, signal)),
    'slot/stop': stopAct(deps, stopSlot),
    'slot/close': async (params, context) => {
      const onlyIfStopped = new Params(params).optional('onlyIfStopped', o => o.boolean('onlyIfStopped'));
      const close: StopAct = (...given) => closeSlot(...given, onlyIfStopped);
      return stopAct(deps, close)(params, context);
    },
    'slot/delete': stopAct(deps, deleteSlot),
    'slot/kill': act((name, { signal }) => killSlot(deps, name, signal)),
    ...insideHandlers(deps),
  };
}

/** What happens inside a running slot. */
function insideHandlers(deps: FlowDeps): Handlers {
  return {
    'slot/exec': async (params, { signal }) => execInSlot(deps, execParams(new Params(params)), signal),
    'slot/send': async (params, { signal }) => {
      const p = new Params(params);
      const enter = p.optional('enter', o => o.boolean('enter')) ?? true;
      await sendText(deps, p.string('container'), p.text('text'), enter, signal);
      return {};
    },
    'slot/capture': async (params, { signal }) => {
      const p = new Params(params);
      const lines = p.optional('lines', o => o.integer('lines', 1, 50_000));
      return { text: await captureScreen(deps, p.string('container'), lines, signal) };
    },
    'slot/configure': async (params, { signal }) => {
      const p = new Params(params);
      const limits = p.optional('limits', o => o.texts('limits'));
      const network = p.optional('network', o => networkParams(o.raw('network')));
      await configureSlot(deps, { container: p.string('container'), limits, network }, signal);
      return {};
    },
    'slot/reach': async (params, { signal }) => slotReach(deps, new Params(params).string('container'), signal),
    'slot/usage': async (params, { signal }) => slotUsage(deps, new Params(params).string('container'), signal),
  };
}

function networkParams(raw: unknown) {
  const p = new Params(raw);
  return {
    mode: p.optional('mode', o => o.oneOf('mode', ['restricted', 'allowlist', 'open'] as const)),
    allow: p.optional('allow', o => o.strings('allow')),
  };
}

function execParams(p: Params) {
  const argv = p.strings('argv');
  const user = p.optional('user', o =>
    typeof o.raw('user') === 'number' ? o.integer('user', 0, 2 ** 31 - 1) : o.oneOf('user', ['code', 'root'] as const),
  );
  const cwd = p.optional('cwd', o => o.string('cwd'));
  const env = p.optional('env', o => o.texts('env'));
  const stdin = p.optional('stdin', o => o.text('stdin'));
  return {
    container: p.string('container'),
    argv,
    ...(user === undefined ? {} : { user }),
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env }),
    ...(stdin === undefined ? {} : { stdin }),
  };
}

function act(work: Act) {
  return async (params: unknown, context: RequestContext) => {
    await work(new Params(params).string('container'), context);
    return {};
  };
}

function stopAct(deps: FlowDeps, work: StopAct) {
  return async (params: unknown, context: RequestContext) => {
    const p = new Params(params);
    const name = p.string('container');
    const asked = p.optional('timeout', o => o.integer('timeout', 0, MAX_STOP_SECONDS));
    await work(deps, name, asked ?? (await stopSeconds(deps, name, context)), context.signal);
    return {};
  };
}
