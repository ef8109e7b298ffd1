import * as vscode from 'vscode';
import type { Session } from '../../server/protocol/types.ts';
import { plain, plural } from '../views/text.ts';
import type { Command } from './command.ts';
import { cancelled, oneSession } from './targets.ts';

export const deleteSession: Command = {
  id: 'incusAgents.deleteSession',
  title: 'Deleting the session failed',
  needs: 'backend',
  async run(context, node, nodes) {
    const rows = nodes.filter(row => row.kind === 'session').map(row => context.model.session(row.session));
    const several = rows.filter(session => session !== undefined);
    const sessions = several.length > 0 ? several : [await oneSession(context, node, 'Delete Session')];
    await confirm(sessions);
    for (const { id } of sessions) await context.backend.request('session/delete', { id });
  },
};

async function confirm(sessions: readonly Session[]): Promise<void> {
  const lines = sessions.map(session => `• ${nameOf(session)}`).join('\n');
  const detail = `${lines}\n\nThe conversation is deleted from this machine and cannot be resumed. The workspace stays.`;
  const what = sessions.length === 1 ? 'this session' : plural(sessions.length, 'session');
  const choice = await vscode.window.showWarningMessage(`Delete ${what}?`, { modal: true, detail }, 'Delete');
  if (choice !== 'Delete') throw cancelled();
}

function nameOf(session: Session): string {
  return `${plain(session.title ?? '', 60) || 'Session'} (${plain(session.agent, 30)}, ${plain(session.id, 40)})`;
}
