import type { ResultOf, SlotOpenParams } from '../../server/protocol/methods.ts';
import type { Slot } from '../../server/protocol/types.ts';
import { LAST_CHOICES_KEY } from '../ids.ts';
import { slotsOf } from '../model/selectors.ts';
import { plain, size } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { openAndAttach } from './launch.ts';
import { askSteps, type Choice, type Step } from './multiStep.ts';
import { oneWorkspace } from './targets.ts';

const AGENTS = ['claude', 'codex', 'opencode', 'gemini', 'shell'];

type Answers = Omit<SlotOpenParams, 'progress'>;
/** What the next time begins with; a number and a prompt are for one time only. */
type Remembered = Pick<Answers, 'agent' | 'image' | 'profile' | 'persistent'>;
type Shown = Promise<ResultOf<'config/show'>>;
type Draft = { -readonly [K in keyof Answers]: Answers[K] | undefined };

export const openSlotWith: Command = {
  id: 'incusAgents.openSlotWith',
  title: 'Opening a slot failed',
  needs: 'trust',
  async run(context, node) {
    const workspace = await oneWorkspace(context, node, 'Open Slot with Options');
    const draft: Draft = { ...context.memory.get<Remembered>(LAST_CHOICES_KEY), workspace };
    const shown = context.backend.request('config/show', { workspace });
    shown.catch(() => undefined); // The first step that needs it tells.
    await askSteps('Open Slot with Options', [
      agentStep(context, draft, shown),
      numberStep(context, draft, shown),
      imageStep(context, draft, shown),
      profileStep(draft, shown),
      persistenceStep(draft, shown),
      promptStep(draft),
    ]);
    const { agent, image, profile, persistent } = draft;
    await context.memory.update(LAST_CHOICES_KEY, { agent, image, profile, persistent });
    await openAndAttach(context, withoutUndefined(draft, workspace));
  },
};

function agentStep(context: CommandContext, draft: Draft, shown: Shown): Step {
  return async ask => {
    draft.agent = await ask<string | undefined>({
      placeHolder: 'Which agent?',
      last: draft.agent,
      choices: async () => {
        const [{ images }, { agents }] = await Promise.all([context.backend.request('image/list', {}), shown]);
        const names = [...new Set([...AGENTS, ...agents, ...images.flatMap(image => image.agents ?? [])])];
        return [await configured(shown, 'tool.name'), ...names.map(name => ({ label: plain(name, 40), value: name }))];
      },
      typed: text => text || undefined,
    });
    return true;
  };
}

function numberStep(context: CommandContext, draft: Draft, shown: Shown): Step {
  return async ask => {
    draft.slot = await ask<number | undefined>({
      placeHolder: 'Which slot? Enter takes the next free one. Or type a number',
      choices: async () => {
        const here = new Map(slotsOf(context.model.slots, draft.workspace ?? '').map(slot => [slot.slot, slot]));
        const numbers = Array.from({ length: await highestNumber(shown) }, (_, at) => at + 1);
        const choices = numbers.flatMap(number => numberChoice(number, here.get(number)));
        return [{ label: 'Next free slot', value: undefined }, ...choices];
      },
      typed: text => (/^[1-9]\d?$/.test(text) ? Number(text) : undefined),
      typedFirst: true,
      refusal: 'The number of a slot is wanted',
    });
    return true;
  };
}

/** A number that can be opened: a free one, or that of a container that was kept. */
function numberChoice(number: number, slot: Slot | undefined): Choice<number>[] {
  if (slot === undefined) return [{ label: `Slot ${number}`, value: number }];
  if (!slot.persistent || slot.status !== 'stopped') return [];
  return [{ label: `Slot ${number}`, description: 'kept, starts again', value: number }];
}

async function highestNumber(shown: Shown): Promise<number> {
  const { values } = await shown;
  const value = values.find(({ key }) => key === 'maxSlots')?.value;
  return typeof value === 'number' ? value : 10;
}

function imageStep(context: CommandContext, draft: Draft, shown: Shown): Step {
  return async ask => {
    draft.image = await ask<string | undefined>({
      placeHolder: 'Which image?',
      last: draft.image,
      choices: async () => {
        const { images } = await context.backend.request('image/list', {});
        const named = images.flatMap(({ alias, sizeBytes, description }) =>
          alias === undefined
            ? []
            : [{ label: plain(alias), description: size(sizeBytes), detail: plain(description ?? ''), value: alias }],
        );
        return [await configured(shown, 'container.image'), ...named];
      },
      typed: text => text || undefined,
    });
    return true;
  };
}

function profileStep(draft: Draft, shown: Shown): Step {
  return async ask => {
    draft.profile = await ask<string | undefined>({
      placeHolder: 'Which profile?',
      last: draft.profile,
      choices: async () => [await configured(shown, 'defaults.profile'), ...(await profiles(shown))],
    });
    return true;
  };
}

async function profiles(shown: Shown): Promise<Choice<string>[]> {
  const { profiles: names } = await shown;
  return names.map(name => ({ label: plain(name, 40), value: name }));
}

function persistenceStep(draft: Draft, shown: Shown): Step {
  return async ask => {
    draft.persistent = await ask<boolean | undefined>({
      placeHolder: 'What happens to the container when the slot is closed?',
      last: draft.persistent,
      choices: async () => [
        await configured(shown, 'container.persistent', value => (value === true ? 'persistent' : 'ephemeral')),
        { label: 'Ephemeral', detail: 'The container is deleted; workspace and conversation stay', value: false },
        { label: 'Persistent', detail: 'The container is kept and used again', value: true },
      ],
    });
    return true;
  };
}

function promptStep(draft: Draft): Step {
  return async ask => {
    draft.prompt = await ask<string | undefined>({
      placeHolder: 'Type a first prompt for the agent. Enter takes none',
      choices: async () => [{ label: 'No prompt', value: undefined }],
      typed: text => text || undefined,
      typedFirst: true,
    });
    return true;
  };
}

/** The choice that leaves it to the configuration, with what that says now. */
async function configured(
  shown: Shown,
  key: string,
  words: (value: unknown) => string = String,
): Promise<Choice<undefined>> {
  const { values } = await shown;
  const value = values.find(each => each.key === key)?.value ?? '';
  return { label: 'As configured', description: plain(words(value), 60) || 'default', value: undefined };
}

function withoutUndefined(draft: Draft, workspace: string): SlotOpenParams {
  const given = Object.fromEntries(Object.entries(draft).filter(([, value]) => value !== undefined));
  return { ...given, workspace };
}
