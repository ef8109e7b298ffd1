import * as vscode from 'vscode';
import type { HealthCheck } from '../../server/protocol/types.ts';
import { healthReport } from '../views/reports.ts';
import { plain } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';

const ICONS = { ok: '$(pass)', warning: '$(warning)', failed: '$(error)' } as const;
const ORDER = { failed: 0, warning: 1, ok: 2 } as const;

type Item = vscode.QuickPickItem & { check?: HealthCheck };

export const healthCheck: Command = {
  id: 'incusAgents.healthCheck',
  title: 'The health check failed',
  needs: 'backend',
  async run(context) {
    const { checks } = await vscode.window.withProgress(
      { location: vscode.ProgressLocation.Window, title: 'Checking health' },
      () => context.backend.request('health/check', {}),
    );
    const picked = await vscode.window.showQuickPick<Item>(itemsOf(checks), {
      title: 'Health Check',
      placeHolder: summary(checks),
      matchOnDetail: true,
    });
    if (picked === undefined) return;
    if (picked.check?.fix === undefined) await context.documents.show('Health', healthReport(checks));
    else await fix(context, picked.check.id, picked.check.fix);
  },
};

function itemsOf(checks: readonly HealthCheck[]): Item[] {
  const sorted = [...checks].sort((left, right) => ORDER[left.status] - ORDER[right.status]);
  const report: Item = { label: '$(output) Show Report' };
  return [report, { label: 'Checks', kind: vscode.QuickPickItemKind.Separator }, ...sorted.map(itemOf)];
}

function itemOf(check: HealthCheck): Item {
  return {
    check,
    label: `${ICONS[check.status]} ${plain(check.message, 120)}`,
    description: plain(check.group, 40),
    ...(check.fix === undefined ? {} : { detail: `Fix: ${plain(check.fix.title, 120)}` }),
  };
}

function summary(checks: readonly HealthCheck[]): string {
  const bad = checks.filter(check => check.status !== 'ok').length;
  return bad === 0 ? 'All is well' : `${bad} of ${checks.length} checks want attention`;
}

/** A fix with a command is for the user to run, since it needs rights that we do not take; the others we do ourselves. */
async function fix(context: CommandContext, id: string, how: NonNullable<HealthCheck['fix']>): Promise<void> {
  const { command } = how;
  const verb = command === undefined ? 'Fix' : 'Copy Command';
  const detail = command ?? plain(how.title, 300);
  const choice = await vscode.window.showInformationMessage(plain(how.title, 200), { modal: true, detail }, verb);
  if (choice !== verb) return;
  if (command !== undefined) await vscode.env.clipboard.writeText(command);
  else await context.backend.request('health/fix', { id });
}
