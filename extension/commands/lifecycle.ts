import * as vscode from 'vscode';
import type { TerminalKind } from '../../server/protocol/methods.ts';
import type { Slot } from '../../server/protocol/types.ts';
import type { CommandId } from '../ids.ts';
import { failureOf, NothingToDo } from '../model/failures.ts';
import { isEligible, type Verb } from '../model/tags.ts';
import { conditionWords } from '../views/appearance.ts';
import { workspaceName } from '../views/names.ts';
import type { Node } from '../views/node.ts';
import { plain, plural } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { forEachSlot } from './several.ts';
import { cancelled, nameOf, pickSlot, slotsOfRows, type Wanted, workspaceOfRow } from './targets.ts';

/** What one verb does and says. */
export interface VerbSpec {
  readonly verb: Verb;
  readonly id: CommandId;
  readonly allId: CommandId;
  /** "Stop", as on the button of a question. */
  readonly name: string;
  /** What is asked, where the name before the slots makes no sentence. */
  question?(what: string): string;
  /** "stopping", as on the row meanwhile. */
  readonly doing: string;
  readonly needs: 'backend' | 'trust';
  /** What is lost and what stays; `undefined` when the act needs no question. */
  consequence(slots: readonly Slot[], context: CommandContext): string | undefined;
}

/** The command for rows, or for a slot that is asked for. */
export function verbCommand(spec: VerbSpec): Command {
  return {
    id: spec.id,
    title: `${spec.name} failed`,
    needs: spec.needs,
    async run(context, node, nodes) {
      const rows = slotsOfRows(context, node, nodes);
      const slots = rows.length > 0 ? rows : [await pickSlot(context, spec.name, wantedFor(spec))];
      await apply(context, spec, slots);
    },
  };
}

function wantedFor({ verb, name }: VerbSpec): Wanted {
  return { fits: slot => isEligible(verb, slot), none: `There is no slot to ${name.toLowerCase()}.` };
}

/** The command for all slots of a workspace, or of all workspaces. */
export function allCommand(spec: VerbSpec): Command {
  return {
    id: spec.allId,
    title: `${spec.name} failed`,
    needs: spec.needs,
    async run(context, node) {
      const slots = await slotsInScope(context, spec, node);
      await apply(context, spec, slots, true);
    },
  };
}

async function apply(
  context: CommandContext,
  spec: VerbSpec,
  slots: readonly Slot[],
  alwaysAsk = false,
): Promise<void> {
  const eligible = slots.filter(slot => isEligible(spec.verb, slot));
  if (eligible.length === 0) {
    const which = slots.map(slot => `${nameOf(context, slot)} is ${slot.status}`).join(', ');
    throw new NothingToDo(which ? `${which}, so there is nothing to do.` : wantedFor(spec).none);
  }
  const consequence = spec.consequence(eligible, context);
  if (consequence !== undefined || alwaysAsk) await confirm(context, spec, eligible, consequence);
  await forEachSlot(context, eligible, spec.doing, async (slot, options) => {
    const { container } = slot;
    // A terminal that ended with its container would look like a fault.
    const closed = endsTerminals(spec.verb, slot) ? context.terminals.close(container) : [];
    try {
      await context.backend.request(`slot/${spec.verb}`, { container }, options);
    } catch (error) {
      void afterwards(context, spec, slot, closed, failureOf(error).kind === 'cancelled');
      throw error;
    }
  });
}

/** What has to be done and said when an act has failed or was cancelled, once it is known what the slot has become. */
async function afterwards(
  context: CommandContext,
  spec: VerbSpec,
  before: Slot,
  closed: readonly TerminalKind[],
  wasCancelled: boolean,
): Promise<void> {
  const slot = await settled(context, before.container);
  if (slot?.status === 'running') await reopen(context, before.container, closed);
  if (slot?.status !== 'stopped' || before.status === 'stopped' || !wasCancelled) return;
  const late = `${nameOf(context, slot)} was shutting down already when ${spec.doing} it was cancelled, so it has stopped.`;
  const kept = spec.verb === 'stop' ? '' : ' Its container is kept.';
  void vscode.window.showInformationMessage(`${late}${kept}`);
}

/** The slot as it is when it has stopped stopping, as after a cancel that came too late; undefined when it is gone then. */
function settled({ model }: CommandContext, container: string): Promise<Slot | undefined> {
  return new Promise(resolve => {
    const look = () => {
      const slot = model.slot(container);
      if (slot?.status === 'stopping') return;
      subscription.dispose();
      resolve(slot);
    };
    const subscription = model.onDidChange(look);
    look();
  });
}

/** Brings back terminals for an act that has failed or was cancelled, when the agent goes on. */
async function reopen(context: CommandContext, container: string, kinds: readonly TerminalKind[]): Promise<void> {
  for (const kind of kinds) {
    await context.terminals.open(container, kind, true).catch((error: unknown) => {
      context.log.warn(`A terminal of ${container} was not opened again: ${failureOf(error).message}`);
    });
  }
}

function endsTerminals(verb: Verb, slot: Slot): boolean {
  return verb === 'stop' || verb === 'delete' || verb === 'kill' || (verb === 'close' && !slot.persistent);
}

async function confirm(
  context: CommandContext,
  spec: VerbSpec,
  slots: readonly Slot[],
  consequence: string | undefined,
): Promise<void> {
  const { name } = spec;
  const [only] = slots;
  const one = slots.length === 1 && only !== undefined;
  const what = one ? nameOf(context, only) : plural(slots.length, 'slot');
  const lines = slots.map(slot => (one ? wordsOn(slot) : `• ${nameOf(context, slot)}: ${wordsOn(slot)}`));
  const detail = [...lines, ...(consequence === undefined ? [] : ['', consequence])].join('\n');
  const choice = await vscode.window.showWarningMessage(
    spec.question?.(what) ?? `${name} ${what}?`,
    { modal: true, detail },
    name,
  );
  if (choice !== name) throw cancelled();
}

function wordsOn(slot: Slot): string {
  return [plain(slot.agent, 30), conditionWords(slot, undefined), slot.container, plain(slot.workspace, 120)].join(
    ' · ',
  );
}

async function slotsInScope(context: CommandContext, spec: VerbSpec, node: Node | undefined): Promise<Slot[]> {
  const fits = context.model.slots.filter(slot => isEligible(spec.verb, slot));
  const workspace = workspaceOfRow(context, node);
  if (workspace !== undefined) return fits.filter(slot => slot.workspace === workspace);
  const own = context.model.surroundings.folders.map(folder => folder.path);
  const scope = (label: string, slots: Slot[]) => ({ label, description: plural(slots.length, 'slot'), slots });
  const items = [
    ...own.map(path =>
      scope(
        workspaceName(context.model, path),
        fits.filter(slot => slot.workspace === path),
      ),
    ),
    scope('All workspaces', fits),
  ].filter(item => item.slots.length > 0);
  const [first] = items;
  if (first === undefined) throw new NothingToDo(wantedFor(spec).none);
  // Where all are in one open folder there is nothing to choose; the question that follows lists them.
  if (first.slots.length === fits.length) return first.slots;
  const picked = await vscode.window.showQuickPick(items, { title: `${spec.name} All`, placeHolder: 'Which slots?' });
  if (picked === undefined) throw cancelled();
  return picked.slots;
}
