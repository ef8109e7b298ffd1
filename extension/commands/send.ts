import { realpath } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { Mount } from '../../server/protocol/types.ts';
import { NothingToDo } from '../model/failures.ts';
import { toContainerPath } from '../terminals/paths.ts';
import { plain } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { said } from './said.ts';
import { cancelled, nameOf, oneSlot, SLOT_WITH_AGENT } from './targets.ts';

export const sendPrompt: Command = {
  id: 'incusAgents.sendPrompt',
  title: 'Sending the prompt failed',
  needs: 'trust',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Send Prompt', SLOT_WITH_AGENT);
    const text = await vscode.window.showInputBox({
      title: `Send Prompt to ${nameOf(context, slot)}`,
      prompt: 'What the agent is told; Enter sends it',
      ignoreFocusOut: true,
    });
    if (text === undefined || text === '') throw cancelled();
    await becomesNoAnswer(context, slot.container, 'prompt');
    await context.backend.request('slot/send', { container: slot.container, text, enter: true });
    said(`Sent to ${plain(slot.agent, 30)} in ${nameOf(context, slot)}`);
  },
};

export const sendSelection: Command = {
  id: 'incusAgents.sendSelection',
  title: 'Sending the selection failed',
  needs: 'trust',
  async run(context, node) {
    const editor = vscode.window.activeTextEditor;
    if (editor === undefined || editor.selection.isEmpty) throw new NothingToDo('Nothing is selected.');
    const { selection, document } = editor;
    const slot = await oneSlot(context, node, 'Send Selection to Agent', SLOT_WITH_AGENT);
    const path = await pathInside(document.uri.fsPath, slot.mounts);
    const where = `${path}:${selection.start.line + 1}-${lastLine(selection) + 1}`;
    await becomesNoAnswer(context, slot.container, 'selection');
    const text = `${where}\n${document.getText(selection)}\n`;
    await context.backend.request('slot/send', { container: slot.container, text, enter: false });
    await context.terminals.open(slot.container, 'agent');
  },
};

/** The last line with something of a selection: one that ends where a line begins has nothing of that. */
function lastLine({ start, end }: vscode.Selection): number {
  return end.character === 0 && end.line > start.line ? end.line - 1 : end.line;
}

/** Where a file is in the container; mounts name real paths. One that is not there keeps its path, which says what it is about. */
async function pathInside(path: string, mounts: readonly Mount[]): Promise<string> {
  const real = await realpath(path).catch(() => path);
  return toContainerPath(path, mounts) ?? toContainerPath(real, mounts) ?? path;
}

/** An agent that asks takes what is typed, or an Enter in it, for a yes to whatever it asks, so the user is shown the question first. */
async function becomesNoAnswer(
  context: CommandContext,
  container: string,
  what: 'prompt' | 'selection',
): Promise<void> {
  const slot = context.model.slot(container);
  if (slot?.agentState.state !== 'waiting') return;
  const question = `${plain(slot.agent, 30)} in ${nameOf(context, slot)} waits for an answer. Send the ${what} all the same?`;
  const detail = 'It takes what is sent for the answer to its question, and may do what it asks for.';
  const choice = await vscode.window.showWarningMessage(question, { modal: true, detail }, 'Show Question', 'Send');
  if (choice === 'Send') return;
  if (choice === 'Show Question') await context.terminals.open(container, 'agent');
  throw cancelled();
}
