import type { AgentState, SlotStatus } from '../protocol/types.ts';
import { afterDeaf, afterLook } from './look.ts';
import { hasEnded, isAway, isDown, moved, state } from './states.ts';
import type { AttentionInput, ContainerInput, Memory, RegistryInput, SignalInput } from './types.ts';

const HUNG_UP = 'Its tmux session was closed.';
const QUIET = 'This agent does not tell what it does.';
const DOWN = 'The container is not running.';
/** For this long (ms) after the registry went on, a hook can still tell what it was before: it is a program that has to start. */
const LATE = 1500;
/** Reading the registry takes less (ms). */
const READING = 10_000;

/** Before anything is known of a slot. */
export function unknownYet(at: number, o: { quiet?: boolean; shell?: boolean; mute?: boolean } = {}): Memory {
  const { quiet = false, shell = false, mute = false } = o;
  const agent = state('unknown', at, quiet ? QUIET : 'Nothing has been heard of the agent yet.');
  return { agent, container: 'running', signalAt: 0, quiet, shell, mute, told: false };
}

/**
 * The one state machine: what was known and what came in give what is known now. A signal moves the state at once; the
 * agent's own registry, where there is one, has the last word, since no hook tells of Esc and hooks can come late.
 */
export function next(memory: Memory, input: AttentionInput): Memory {
  switch (input.kind) {
    case 'signal':
      return afterSignal(memory, input);
    case 'registry':
      return afterRegistry(memory, input);
    case 'settle':
      // While everything is frozen the registry cannot catch up.
      if (memory.container === 'paused') return memory;
      return settled(memory);
    case 'overdue':
      if (memory.agent.state !== 'starting' || isDown(memory.container)) return memory;
      return moved(
        memory,
        state('idle', input.at, 'Has been started and has not said anything yet; it may ask for a login.'),
      );
    case 'container':
      return afterContainer(memory, input);
    case 'look':
      return afterLook(memory, input);
    case 'deaf':
      return afterDeaf(memory, input);
  }
}

function afterSignal(memory: Memory, input: SignalInput): Memory {
  const told = input.word === 'exit' ? memory.told : input.word !== 'start';
  // One that gets ready may do so in the middle of a turn.
  const over = input.helper === true || input.word === 'ready' ? memory.over === true : input.word === 'idle';
  const heard = { ...memory, signalAt: input.at, told, over };
  if (input.helper === true && input.word !== 'waiting') return afterHelper(heard, input);
  if (isAway(memory.container)) return { ...heard, early: fromSignal(input, memory.quiet) };
  if (input.word === 'ready' && !['starting', 'unknown', 'exited', 'failed'].includes(memory.agent.state)) return heard;
  // A hook of an agent that was killed can still be on its way.
  if (hasEnded(memory.agent) && !['start', 'ready', 'exit'].includes(input.word)) return heard;
  if (isPast(memory, input)) return { ...memory, told };
  const agent = fromSignal(input, memory.quiet);
  if (input.word !== 'start') return moved(heard, agent);
  const { registry: _, left: __, ...fresh } = heard;
  return moved(fresh, agent);
}

/** What a helper does is no turn of the agent's, and nothing tells when it ends; but its question is answered when it goes on. */
function afterHelper(heard: Memory, { at }: SignalInput): Memory {
  if (isAway(heard.container) || heard.agent.state !== 'waiting') return heard;
  return moved(heard, fromSignal({ kind: 'signal', word: heard.over === true ? 'idle' : 'working', at }, heard.quiet));
}

/**
 * Whether the registry has told of what the signal says already, and of its end. Should it begin anew, the registry tells that too, but
 * for a turn that is too short for it.
 */
function isPast({ left }: Memory, { word, at }: SignalInput): boolean {
  return left !== undefined && word !== 'working' && NAMES[left.status] === word && at - left.at < LATE;
}

function fromSignal({ word, at, detail, code }: SignalInput, quiet: boolean): AgentState {
  switch (word) {
    case 'start':
      return quiet ? state('unknown', at, QUIET) : state('starting', at, 'The agent is starting.');
    case 'ready':
      return state('idle', at, 'Ready for a prompt.');
    case 'working':
      return state('working', at, 'Working on a prompt.');
    case 'waiting':
      return state('waiting', at, waitingWhy(detail));
    case 'idle':
      return state('idle', at, 'Finished its turn.');
    case 'exit':
      return ended(at, code);
  }
}

/** 130 is Ctrl-C, which is how people end an agent; 129 is a hang-up, which is how tmux ends one. */
function ended(at: number, code: number | undefined): AgentState {
  if (code === 129) return state('exited', at, HUNG_UP);
  if (code === undefined || code === 0 || code === 130) return state('exited', at, 'The agent was ended.');
  if (code === 137) return state('failed', at, 'The agent was killed.');
  if (code === 127) return state('failed', at, 'The agent was not found in the container.');
  return state('failed', at, `The agent ended with exit code ${code}.`);
}

/** A note older than the last signal was on its way before it; `settle` comes back to it. */
function afterRegistry(memory: Memory, input: RegistryInput): Memory {
  const { status: before = 'none' } = memory.registry ?? {};
  const noted: Memory = {
    ...memory,
    registry: input,
    told: memory.told || input.status !== 'none',
    ...(before === input.status ? {} : { left: { status: before, at: input.updatedAt } }),
  };
  // An agent takes its note away when it ends, also when nobody is left to say so, as after the end of tmux.
  if (input.status === 'none' && before !== 'none' && !isDown(memory.container) && !hasEnded(memory.agent))
    return moved(noted, state('exited', input.at, 'The agent was ended.'));
  // But what follows on the state that holds is later than the hook that told of it.
  const follows = memory.registry !== undefined && NAMES[before] === memory.agent.state && before !== input.status;
  // A signal of the future is one from before the clock was set back, unless it came while the registry was read.
  const isOlder = input.updatedAt < memory.signalAt && memory.signalAt <= input.at + READING;
  if (input.status !== 'none' && isOlder && !follows) return noted;
  return bySettled(noted, input);
}

/** The words of the registry as states. */
const NAMES = { busy: 'working', waiting: 'waiting', idle: 'idle', none: undefined } as const;

function bySettled(memory: Memory, registry: RegistryInput): Memory {
  if (isAway(memory.container)) return memory;
  const wanted = NAMES[registry.status];
  if (wanted === undefined) return memory;
  // The registry of an agent that was killed stays as it was; one that is updated later is another agent's.
  if (hasEnded(memory.agent) && registry.updatedAt <= Date.parse(memory.agent.since)) return memory;
  if (memory.agent.state === wanted) return memory;
  return moved(memory, state(wanted, registry.updatedAt, registryWhy(registry, memory.agent)));
}

function registryWhy({ status, detail }: RegistryInput, before: AgentState): string {
  if (status === 'busy') return 'Working on a prompt.';
  if (status === 'waiting') return waitingWhy(detail);
  if (before.state === 'waiting' || before.state === 'working') return 'Finished or interrupted.';
  return 'Ready for a prompt.';
}

function waitingWhy(detail: string | undefined): string {
  return detail === undefined || detail === '' ? 'Waits for your answer.' : `Waits for your answer: ${detail}.`;
}

function afterContainer(memory: Memory, { status, at }: ContainerInput): Memory {
  const now = { ...memory, container: status };
  if (isDown(status)) {
    const { early: _, registry: __, left: ___, ...down } = now;
    // The end of a container begins with that of its tmux.
    const known = hasEnded(memory.agent) && memory.agent.why !== HUNG_UP;
    return known ? down : moved(down, state('exited', at, DOWN));
  }
  if (status === 'creating' || status === 'starting')
    return withEarly(moved(now, state('starting', at, 'The container is starting.')), earlyOf(memory, status));
  if (status === 'failed')
    return withEarly(moved(now, state('failed', at, 'The container could not be started.')), earlyOf(memory, status));
  const { early, ...rest } = now;
  if (early !== undefined) {
    const back = { ...rest, agent: early };
    // What its registry said meanwhile was only noted.
    return memory.container === 'failed' && status === 'running' ? settled(back) : back;
  }
  return isAway(memory.container) ? { ...unknownYet(at, memory), container: status } : rest;
}

/** The end of an agent does not outlast that its container is started, nor that nothing was heard yet of one that will tell. */
function earlyOf({ early, agent, container, quiet }: Memory, status: SlotStatus): AgentState | undefined {
  if (early !== undefined || isAway(container)) return early;
  if (container === 'creating' || container === 'starting') return undefined;
  if (agent.state === 'unknown') return quiet ? agent : undefined;
  return hasEnded(agent) && status !== 'failed' ? undefined : agent;
}

function withEarly(memory: Memory, early: AgentState | undefined): Memory {
  return early === undefined ? memory : { ...memory, early };
}

function settled(memory: Memory): Memory {
  return memory.registry === undefined ? memory : bySettled(memory, memory.registry);
}
