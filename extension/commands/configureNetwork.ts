import * as vscode from 'vscode';
import type { NetworkMode } from '../../server/protocol/types.ts';
import type { Command } from './command.ts';
import { said } from './said.ts';
import { ANY_SLOT, cancelled, nameOf, oneSlot } from './targets.ts';

const MODES: readonly { label: string; detail: string; mode: NetworkMode }[] = [
  { mode: 'restricted', label: 'Restricted', detail: 'The internet, but no private networks and not this machine' },
  { mode: 'allowlist', label: 'Allow-list', detail: 'Only the hosts that are named' },
  { mode: 'open', label: 'Open', detail: 'Everything that this machine can reach, local networks too' },
];

export const configureNetwork: Command = {
  id: 'incusAgents.configureNetwork',
  title: 'Changing the network failed',
  needs: 'trust',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Configure Network', ANY_SLOT);
    const items = MODES.map(item => ({ ...item, description: item.mode === slot.network ? 'current' : '' }));
    const title = `Network of ${nameOf(context, slot)}`;
    const picked = await vscode.window.showQuickPick(items, { title, placeHolder: 'What may it reach?' });
    if (picked === undefined) throw cancelled();
    if (picked.mode === 'open') await confirmOpen(nameOf(context, slot));
    await context.backend.request('slot/configure', { container: slot.container, network: { mode: picked.mode } });
    said(`${nameOf(context, slot)}: network ${picked.label.toLowerCase()}`);
  },
};

async function confirmOpen(name: string): Promise<void> {
  const detail = 'The agent can then reach your local network and the services of this machine.';
  const choice = await vscode.window.showWarningMessage(
    `Open the network of ${name}?`,
    { modal: true, detail },
    'Open',
  );
  if (choice !== 'Open') throw cancelled();
}
