import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SlotOpenParams } from '../../../server/protocol/methods.ts';
import type { AgentState, Slot } from '../../../server/protocol/types.ts';
import type { TestBackend } from '../../support/backend.ts';
import type { Model, ModelRequest } from '../../support/model.ts';
import { incusCli } from '../flows/support.ts';
import { until } from '../support.ts';
import type { Desk } from './support.ts';

/** What the screens of agents that take input show. */
const INPUT: Readonly<Record<string, string>> = {
  claude: '❯',
  codex: '›',
  opencode: 'Build',
  gemini: 'Type your message',
};

/** Longest (ms) that an agent, the stand-in and the backend may take for one step on a busy machine. */
const PATIENCE = 120_000;

/** An agent in a slot, as a client of its backend deals with it. */
export class Talk {
  readonly backend: TestBackend;
  readonly model: Model;
  readonly container: string;
  readonly session: string;
  readonly slot: number;

  constructor(backend: TestBackend, model: Model, opened: { container: string; session: string; slot: number }) {
    this.backend = backend;
    this.model = model;
    this.container = opened.container;
    this.session = opened.session;
    this.slot = opened.slot;
  }

  screen(): Promise<string> {
    return this.backend.call('slot/capture', { container: this.container }).then(({ text }) => text);
  }

  /** The agent's state as the client has it now. */
  get agentState(): AgentState['state'] | undefined {
    return this.backend.slots.get(this.container)?.agentState.state;
  }

  /** Types a prompt once the agent is ready for it, and gives the request that the model gets for it. */
  async turn(text: string): Promise<ModelRequest> {
    await this.type(text);
    return this.asked(text);
  }

  /** Types a prompt once the agent is ready for it. */
  async type(text: string): Promise<void> {
    await this.ready();
    await this.backend.call('slot/send', { container: this.container, text });
  }

  /** Waits until the agent takes input: some say that they are ready, and draw, before they do. */
  async ready(): Promise<void> {
    const { agent } = await this.state('idle');
    await this.#explained(until('it takes input', () => this.#settled(INPUT[agent] ?? ''), PATIENCE));
  }

  /** Waits until the screen shows a text. */
  shows(text: string): Promise<unknown> {
    return this.#explained(
      until(`the screen shows ${text}`, async () => (await this.screen()).includes(text), PATIENCE),
    );
  }

  /** Presses a key, as tmux names it. */
  async key(name: string): Promise<void> {
    assert.equal(await this.inside('tmux', 'send-keys', '-t', `=coi-${this.container}:`, name), 0);
  }

  /**
   * Presses Esc until it has done what it is for: an agent takes no key in the first moment of a question or a turn, and some want it twice.
   * Not in quick succession, and not once too often: both have meanings of their own.
   */
  async escape(over: () => boolean | Promise<boolean> = () => this.agentState === 'idle'): Promise<void> {
    const pressed = async () => {
      await this.key('Escape');
      return until('it is over', over, 1500).catch(() => false);
    };
    await this.#explained(until('Esc ends it', pressed));
  }

  /** Presses Esc until a question that is shown is shown no more. */
  leave(question: string): Promise<void> {
    return this.escape(async () => !(await this.screen()).includes(question));
  }

  /** Kills the agent's program. */
  async kill(): Promise<void> {
    const agent = this.backend.slots.get(this.container)?.agent ?? '';
    await this.inside('pkill', '-KILL', ...(agent === 'gemini' ? ['-f', 'approval-mode'] : ['-x', agent]));
  }

  /** Runs a command beside the agent; gives its exit code. */
  async inside(...argv: string[]): Promise<number> {
    return (await this.backend.call('slot/exec', { container: this.container, argv })).exitCode;
  }

  /** The request with this text that carries most messages, when the agent has finished its turn. */
  async asked(text: string): Promise<ModelRequest> {
    const most = () => this.model.with(text).sort((a, b) => b.messages - a.messages)[0];
    await this.#explained(until(`the model is asked "${text}"`, most, PATIENCE));
    await this.#explained(until(`an answer to "${text}"`, () => this.#answered(text), PATIENCE));
    await this.state('idle');
    const request = most();
    assert.ok(request);
    return request;
  }

  /** Whether the screen shows a text and stays the same for a moment. */
  async #settled(text: string): Promise<boolean> {
    const before = await this.screen();
    if (!before.includes(text)) return false;
    await sleep(400);
    return (await this.screen()) === before;
  }

  /** Whether the conversation on the host has the prompt and an answer to it. */
  async #answered(text: string): Promise<boolean> {
    const { transcript } = await this.backend.call('session/show', { id: this.session });
    const asked = transcript.findLastIndex(line => line.role === 'user' && line.text.includes(text));
    return asked >= 0 && transcript.slice(asked).some(line => line.role === 'assistant');
  }

  /** Waits until the state at the client is this one. */
  async state(state: AgentState['state'], timeout = PATIENCE): Promise<Slot> {
    const slot = await this.#explained(
      this.backend.when(this.container, s => s?.status === 'running' && s.agentState.state === state, timeout),
    );
    assert.ok(slot);
    return slot;
  }

  async #explained<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      const screen = await this.screen().catch((failure: unknown) => String(failure));
      throw new Error(`${String(error)}\n${screen}\n${this.backend.log.slice(-5).join('')}`);
    }
  }
}

/** Has the stand-in answer on the loopback of a container, too. */
async function onLoopback(container: string, port: number): Promise<void> {
  const address = `tcp:127.0.0.1:${port}`;
  const words = ['bind=instance', `listen=${address}`, `connect=${address}`];
  await incusCli('config', 'device', 'add', container, 'model', 'proxy', ...words).catch(
    (error: { stderr?: string }) => {
      if (!/already exists/.test(error.stderr ?? '')) throw error;
    },
  );
}

/** Opens a slot and gives the talk with its agent. */
export async function openTalk(
  desk: Desk,
  backend: TestBackend,
  workspace: string,
  more: Partial<SlotOpenParams>,
): Promise<Talk> {
  const opened = await desk.lab.open(backend, workspace, more);
  const talk = new Talk(backend, desk.model, opened);
  // gemini talks without encryption on the loopback only; it takes seconds until it does.
  if (backend.slots.get(opened.container)?.agent === 'gemini') await onLoopback(opened.container, desk.model.port);
  return talk;
}
