import * as vscode from 'vscode';
import type { HealthCheck, HealthFix } from '../../server/protocol/types.ts';
import { ExtensionFailure } from '../model/failures.ts';
import { type Remedy, remedyOf } from '../model/remedies.ts';
import { healthReport } from '../views/reports.ts';
import { plain } from '../views/text.ts';
import { buildAndTell } from './buildImage.ts';
import type { Command, CommandContext } from './command.ts';
import { said } from './said.ts';

const ICONS = { ok: 'pass', warning: 'warning', failed: 'error' } as const;
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
    else await fix(context, picked.check, picked.check.fix);
  },
};

function itemsOf(checks: readonly HealthCheck[]): Item[] {
  const sorted = [...checks].sort((left, right) => ORDER[left.status] - ORDER[right.status]);
  const report: Item = { label: 'Show Report', iconPath: new vscode.ThemeIcon('output') };
  // While Incus is away, many checks have the same to say: one row for them all.
  const alike = Map.groupBy(sorted, ({ message, status, fix }) => JSON.stringify([message, status, fix]));
  const items = [...alike.values()].map(itemOf);
  return [report, { label: 'Checks', kind: vscode.QuickPickItemKind.Separator }, ...items];
}

function itemOf(alike: readonly HealthCheck[]): Item {
  const [check] = alike;
  if (check === undefined) return { label: '' };
  return {
    check,
    label: plain(check.message, 120),
    iconPath: new vscode.ThemeIcon(ICONS[check.status]),
    description: plain([...new Set(alike.map(({ group }) => group))].join(', '), 80),
    ...(check.fix === undefined ? {} : { detail: `Fix: ${plain(check.fix.title, 120)}` }),
  };
}

function summary(checks: readonly HealthCheck[]): string {
  const bad = checks.filter(check => check.status !== 'ok').length;
  return bad === 0 ? 'All is well' : `${bad} of ${checks.length} checks want attention`;
}

/** Shows how a finding is mended, with a button where that can be done from here. */
async function fix(context: CommandContext, check: HealthCheck, how: HealthFix): Promise<void> {
  const remedy = remedyOf(how);
  const detail = [plain(check.message, 400), how.command].filter(part => part !== undefined).join('\n\n');
  const buttons = remedy === undefined ? [] : [remedy.button];
  const choice = await vscode.window.showInformationMessage(plain(how.title, 200), { modal: true, detail }, ...buttons);
  if (remedy !== undefined && choice === remedy.button) await apply(context, check.id, remedy);
}

async function apply(context: CommandContext, id: string, remedy: Remedy): Promise<void> {
  switch (remedy.does) {
    case 'copy':
      await vscode.env.clipboard.writeText(remedy.command);
      said('Copied');
      return;
    case 'build':
      if (!vscode.workspace.isTrusted)
        throw new ExtensionFailure('untrusted', 'Images are not built in restricted mode');
      return buildAndTell(context, remedy.image === undefined ? {} : { alias: remedy.image });
    case 'clean-up':
      await vscode.commands.executeCommand('incusAgents.cleanUp');
      return;
    case 'mend':
      if (!vscode.workspace.isTrusted)
        throw new ExtensionFailure('untrusted', 'Nothing is started or changed in restricted mode');
      await context.backend.request('health/fix', { id });
      said('Mended');
  }
}
