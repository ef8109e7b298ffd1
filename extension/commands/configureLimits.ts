import * as vscode from 'vscode';
import type { Command } from './command.ts';
import { said } from './said.ts';
import { ANY_SLOT, cancelled, nameOf, oneSlot } from './targets.ts';

interface Limit {
  readonly key: string;
  readonly label: string;
  readonly example: string;
  readonly pattern: RegExp;
}

const LIMITS: readonly Limit[] = [
  {
    key: 'limits.cpu',
    label: 'CPU',
    example: 'a number of cores such as 2, or cores such as 0-3',
    pattern: /^(\d+|\d+(-\d+)?(,\d+(-\d+)?)*)$/,
  },
  { key: 'limits.memory', label: 'Memory', example: '4GiB or 50%', pattern: /^\d+(%|[kMGT]B|[KMGT]iB)$/ },
  { key: 'limits.processes', label: 'Processes', example: '2000', pattern: /^\d+$/ },
];

export const configureLimits: Command = {
  id: 'incusAgents.configureLimits',
  title: 'Changing the limits failed',
  needs: 'trust',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Configure Limits', ANY_SLOT);
    const items = LIMITS.map(limit => ({
      label: limit.label,
      description: slot.limits?.[limit.key] ?? 'not set',
      limit,
    }));
    const picked = await vscode.window.showQuickPick(items, {
      title: `Limits of ${nameOf(context, slot)}`,
      placeHolder: 'Which limit?',
    });
    if (picked === undefined) throw cancelled();
    const value = await askValue(picked.limit, slot.limits?.[picked.limit.key] ?? '');
    await context.backend.request('slot/configure', {
      container: slot.container,
      limits: { [picked.limit.key]: value },
    });
    const { label } = picked.limit;
    said(
      value === ''
        ? `${nameOf(context, slot)}: ${label} has no limit`
        : `${nameOf(context, slot)}: ${label} limited to ${value}`,
    );
  },
};

async function askValue(limit: Limit, value: string): Promise<string> {
  const answer = await vscode.window.showInputBox({
    title: `Limit: ${limit.label}`,
    prompt: `For example ${limit.example}. Empty removes the limit.`,
    value,
    validateInput: text =>
      text === '' || limit.pattern.test(text) ? undefined : `Not a limit. For example: ${limit.example}`,
  });
  if (answer === undefined) throw cancelled();
  return answer;
}
