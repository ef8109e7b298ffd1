import * as vscode from 'vscode';
import type { Session } from '../../server/protocol/types.ts';
import { throwTogether } from '../model/failures.ts';
import { lastActivity } from '../model/selectors.ts';
import { ago, plain, plural } from '../views/text.ts';
import type { Command } from './command.ts';
import { cancelled, oneSession, titleOf } from './targets.ts';

export const deleteSession: Command = {
  id: 'incusAgents.deleteSession',
  title: 'Deleting the session failed',
  needs: 'backend',
  async run(context, node, nodes) {
    const rows = nodes.filter(row => row.kind === 'session').map(row => context.model.session(row.session));
    const several = rows.filter(session => session !== undefined);
    const sessions = several.length > 0 ? several : [await oneSession(context, node, 'Delete Session')];
    await confirm(sessions);
    const work = sessions.map(({ id }) => context.backend.request('session/delete', { id }));
    throwTogether(await Promise.allSettled(work), sessions.map(titleOf));
  },
};

async function confirm(sessions: readonly Session[]): Promise<void> {
  const [first] = sessions;
  const one = sessions.length === 1 && first !== undefined;
  const lines = one
    ? wordsOn(first)
    : sessions.map(session => `• ${titleOf(session)} (${wordsOn(session)})`).join('\n');
  const detail = `${lines}\n\nThe conversation is deleted from this machine and cannot be resumed. The workspace stays.`;
  const question = one ? `Delete the session “${titleOf(first)}”?` : `Delete ${plural(sessions.length, 'session')}?`;
  const choice = await vscode.window.showWarningMessage(question, { modal: true, detail }, 'Delete');
  if (choice !== 'Delete') throw cancelled();
}

function wordsOn(session: Session): string {
  return `${plain(session.agent, 30)}, last active ${ago(lastActivity(session), Date.now())}`;
}
