import * as vscode from 'vscode';
import type { SlotOpenParams } from '../../server/protocol/methods.ts';
import { slotsOf } from '../model/selectors.ts';
import { plain, size } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { openAndAttach } from './launch.ts';
import { askSteps, type Choice, type Step } from './multiStep.ts';
import { cancelled, oneWorkspace } from './targets.ts';

const AGENTS = ['claude', 'codex', 'opencode', 'gemini', 'shell'];
const DEFAULT_MAX_SLOTS = 10;

type Answers = Omit<SlotOpenParams, 'progress'>;
type Draft = { -readonly [K in keyof Answers]: Answers[K] | undefined };

export const openSlotWith: Command = {
  id: 'incusAgents.openSlotWith',
  title: 'Opening a slot failed',
  needs: 'trust',
  async run(context, node) {
    const workspace = await oneWorkspace(context, node, 'Open Slot with Options');
    const draft: Draft = { workspace };
    await askSteps('Open Slot with Options', [
      agentStep(context, draft),
      numberStep(context, draft),
      imageStep(context, draft),
      profileStep(context, draft),
      persistenceStep(draft),
    ]);
    const prompt = await askPrompt();
    await openAndAttach(context, withoutUndefined({ ...draft, prompt }, workspace));
  },
};

function agentStep(context: CommandContext, draft: Draft): Step {
  return async ask => {
    draft.agent = await ask<string | undefined>({
      placeHolder: 'Which agent? Enter takes the configured one',
      choices: async () => {
        const { images } = await context.backend.request('image/list', {});
        const names = [...new Set([...AGENTS, ...images.flatMap(image => image.agents ?? [])])];
        return [configured(), ...names.map(name => ({ label: plain(name, 40), value: name }))];
      },
      typed: text => text,
    });
    return true;
  };
}

function numberStep(context: CommandContext, draft: Draft): Step {
  return async ask => {
    draft.slot = await ask<number | undefined>({
      placeHolder: 'Which slot? Enter takes the next free one',
      choices: async () => {
        const taken = new Set(slotsOf(context.model.slots, draft.workspace ?? '').map(slot => slot.slot));
        const numbers = Array.from({ length: DEFAULT_MAX_SLOTS }, (_, at) => at + 1).filter(each => !taken.has(each));
        return [
          { label: 'Next free slot', value: undefined },
          ...numbers.map(each => ({ label: `Slot ${each}`, value: each })),
        ];
      },
      typed: text => (/^[1-9]\d?$/.test(text) ? Number(text) : undefined),
    });
    return true;
  };
}

function imageStep(context: CommandContext, draft: Draft): Step {
  return async ask => {
    draft.image = await ask<string | undefined>({
      placeHolder: 'Which image? Enter takes the configured one',
      choices: async () => {
        const { images } = await context.backend.request('image/list', {});
        const named = images.flatMap(({ alias, sizeBytes, description }) =>
          alias === undefined
            ? []
            : [{ label: plain(alias), description: size(sizeBytes), detail: plain(description ?? ''), value: alias }],
        );
        return [configured(), ...named];
      },
      typed: text => text || undefined,
    });
    return true;
  };
}

function profileStep(context: CommandContext, draft: Draft): Step {
  return async ask => {
    draft.profile = await ask<string | undefined>({
      placeHolder: 'Which profile? Choose, or type a name; Enter takes the configured one',
      choices: async () => [configured(), ...(await profiles(context, draft.workspace ?? ''))],
      typed: text => text || undefined,
    });
    return true;
  };
}

async function profiles(context: CommandContext, workspace: string): Promise<Choice<string>[]> {
  const { values } = await context.backend.request('config/show', { workspace });
  const names = values.map(({ key }) => /^profiles\.([^.]+)/.exec(key)?.[1]).filter(name => name !== undefined);
  return [...new Set(names)].map(name => ({ label: plain(name, 40), value: name }));
}

function persistenceStep(draft: Draft): Step {
  return async ask => {
    draft.persistent = await ask<boolean | undefined>({
      placeHolder: 'What happens to the container when the slot is closed?',
      choices: async () => [
        configured(),
        { label: 'Ephemeral', detail: 'The container is deleted; workspace and conversation stay', value: false },
        { label: 'Persistent', detail: 'The container is kept and used again', value: true },
      ],
    });
    return true;
  };
}

async function askPrompt(): Promise<string | undefined> {
  const prompt = await vscode.window.showInputBox({
    title: 'Open Slot with Options',
    prompt: 'A first prompt for the agent; leave it empty for none',
    ignoreFocusOut: true,
  });
  if (prompt === undefined) throw cancelled();
  return prompt || undefined;
}

function configured(): Choice<undefined> {
  return { label: 'As configured', description: 'default', value: undefined };
}

function withoutUndefined(draft: Draft, workspace: string): SlotOpenParams {
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
  return { ...given, workspace };
}
