import type { AgentState } from '../protocol/types.ts';
import { hasEnded, isDown, moved, state } from './states.ts';
import type { DeafInput, LookInput, Memory } from './types.ts';

/** A screen that has not changed for this long stands still; for so long that no agent works any more (ms). */
const STILL = 10_000;
const LOST = 120_000;

/** From now on it is looked at, as an agent that never told anything. */
export function afterDeaf(memory: Memory, { why, at }: DeafInput): Memory {
  const deaf = { ...memory, quiet: true, told: false };
  return isDown(memory.container) || hasEnded(memory.agent) ? deaf : moved(deaf, state('unknown', at, why));
}

/** A look overrules signals only in what it sees for certain, and where they must have been lost. */
export function afterLook(memory: Memory, look: LookInput): Memory {
  if (memory.container !== 'running') return memory;
  const { agent } = memory;
  // How it ended was told better than it can be seen; a program that was begun by hand afterwards is another.
  if (hasEnded(agent) && (look.seen !== 'program' || memory.signalAt > 0)) return memory;
  if (look.seen === 'none')
    return moved(memory, state('exited', look.at, 'There is no tmux session of an agent in it.'));
  if (look.seen === 'shell') return moved(memory, atPrompt(memory, look.at));
  if (agent.state === 'starting') return memory;
  const still = look.at - (look.changedAt ?? look.at);
  if (!memory.told) return moved(memory, guess(memory, still, look.at));
  if (memory.mute && agent.state === 'waiting' && look.moves === true)
    return { ...moved(memory, state('working', look.at, 'Its screen changes since it asked.')), asked: agent };
  // Somebody only looked around in the question.
  if (memory.asked !== undefined && look.moves === false) return moved(memory, memory.asked);
  if (agent.state !== 'working' || still < LOST) return memory;
  return moved(memory, state('idle', look.at, 'Nothing came of its last signal; its screen stands still.'));
}

function atPrompt({ shell }: Memory, at: number): AgentState {
  if (shell) return state('idle', at, 'The shell waits for a command.');
  return state('exited', at, 'The agent has ended; there is a shell in its place.');
}

/** Programs that work draw something all the time. */
function guess({ quiet, shell }: Memory, still: number, at: number): AgentState {
  const from = shell ? 'A command runs in it' : 'There are no signals from it';
  if (still < STILL) return state('working', at, `${from}; its screen changes.`);
  const login = quiet ? '' : ', and it may ask for a login';
  return state('idle', at - still, `${from}; its screen stands still${login}.`);
}

/**
 * Why to look at an agent: `guess` where it has said nothing, `doubt` where it said that it works, `answer` where it asked something
 * and would not tell of the answer.
 */
export type LookNeed = 'guess' | 'doubt' | 'answer';

/** Whether looking at the agent would tell what no signal does. What is known for certain needs no look. */
export function needsLook(memory: Memory): LookNeed | undefined {
  const { agent, asked, container, told, quiet, mute, signalAt } = memory;
  if (container !== 'running') return undefined;
  if (told && mute && (asked !== undefined || agent.state === 'waiting')) return 'answer';
  if (told) return agent.state === 'working' ? 'doubt' : undefined;
  if (hasEnded(agent)) return signalAt > 0 ? undefined : 'guess';
  return quiet || agent.state !== 'starting' ? 'guess' : undefined;
}
