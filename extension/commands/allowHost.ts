import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { isAttachable } from '../model/tags.ts';
import { plain, plural } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { forEachSlot } from './several.ts';
import { cancelled, oneSlot } from './targets.ts';

const HOST = /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.:/_-]*[A-Za-z0-9])?$/;

export const allowHost: Command = {
  id: 'incusAgents.allowHost',
  title: 'Allowing the host failed',
  needs: 'trust',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Allow Host', isAttachable);
    const host = await pickHost(context, slot);
    await forEachSlot(context, await pickScope(context, slot, host), 'changing the network', async ({ container }) => {
      const { network } = await context.backend.request('slot/reach', { container });
      const allow = [...new Set([...(network.allowed ?? []), host])];
      await context.backend.request('slot/configure', { container, network: { allow } });
    });
  },
};

async function pickHost(context: CommandContext, slot: Slot): Promise<string> {
  const { network } = await context.backend.request('slot/reach', { container: slot.container });
  const blocked = (network.blocked ?? []).map(({ host, count }) => ({
    label: plain(host, 120),
    description: `blocked ${plural(count, 'time')}`,
    host,
  }));
  const other = { label: '$(edit) Another Host…', description: '', host: undefined };
  const picked = await vscode.window.showQuickPick([...blocked, other], { title: 'Allow Host' });
  if (picked === undefined) throw cancelled();
  return picked.host ?? askHost();
}

async function askHost(): Promise<string> {
  const host = await vscode.window.showInputBox({
    title: 'Allow Host',
    prompt: 'A host name, with an optional port; `*.` in front stands for all names below',
    placeHolder: 'registry.example.com:443',
    validateInput: value => (HOST.test(value.trim()) ? undefined : 'This is not a host name or a network'),
  });
  if (host === undefined) throw cancelled();
  return host.trim();
}

async function pickScope(context: CommandContext, slot: Slot, host: string): Promise<Slot[]> {
  const same = context.model.slots.filter(each => each.workspace === slot.workspace && isAttachable(each));
  const items = [
    { label: 'For this slot', description: '', slots: [slot] },
    { label: 'For all running slots of this workspace', description: plural(same.length, 'slot'), slots: same },
  ];
  const picked = await vscode.window.showQuickPick(items, { title: `Allow ${plain(host)}` });
  if (picked === undefined) throw cancelled();
  return picked.slots;
}
