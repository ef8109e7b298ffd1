import * as vscode from 'vscode';
import type { Slot } from '../../server/protocol/types.ts';
import { NothingToDo } from '../model/failures.ts';
import { isAttachable } from '../model/tags.ts';
import { plain, plural } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { said } from './said.ts';
import { forEachSlot } from './several.ts';
import { cancelled, nameOf, oneSlot, RUNNING_SLOT } from './targets.ts';

const HOST = /^(\*\.)?[A-Za-z0-9]([A-Za-z0-9.:/_-]*[A-Za-z0-9])?$/;

export const allowHost: Command = {
  id: 'incusAgents.allowHost',
  title: 'Allowing the host failed',
  needs: 'trust',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Allow Host', RUNNING_SLOT);
    if (slot.network === 'open')
      throw new NothingToDo(`${nameOf(context, slot)} has an open network and reaches every host.`);
    const host = await pickHost(context, slot);
    const slots = await allowed(context, slot, host);
    await forEachSlot(context, slots, 'changing the network', ({ container }, options) =>
      context.backend.request('slot/configure', { container, network: { allow: [host] } }, options),
    );
    said(`${plain(host)} is allowed`);
  },
};

async function pickHost(context: CommandContext, slot: Slot): Promise<string> {
  const { network } = await context.backend.request('slot/reach', { container: slot.container });
  const blocked = (network.blocked ?? []).map(({ host, count }) => ({
    label: plain(host, 120),
    description: `blocked ${plural(count, 'time')}`,
    host,
  }));
  if (blocked.length === 0) return askHost();
  const other = { label: 'Another Host…', description: '', iconPath: new vscode.ThemeIcon('edit'), host: undefined };
  const picked = await vscode.window.showQuickPick([...blocked, other], {
    title: 'Allow Host',
    placeHolder: `What ${nameOf(context, slot)} asked for and did not get`,
  });
  if (picked === undefined) throw cancelled();
  return picked.host ?? askHost();
}

async function askHost(): Promise<string> {
  const host = await vscode.window.showInputBox({
    title: 'Allow Host',
    prompt: 'A host name, with an optional port; “*.” in front stands for all names below',
    placeHolder: 'registry.example.com:443',
    validateInput: value => (HOST.test(value.trim()) ? undefined : 'This is not a host name or a network'),
  });
  if (host === undefined) throw cancelled();
  return host.trim();
}

/** Asks for whom, remembers it where it is for more than a slot, and gives the slots that have to be told now. */
async function allowed(context: CommandContext, slot: Slot, host: string): Promise<Slot[]> {
  const { workspace } = slot;
  const items = [
    { label: 'For this slot', description: 'until it is closed or started anew', all: false },
    { label: 'For every slot of this workspace', description: 'remembered in your own configuration', all: true },
  ];
  const picked = await vscode.window.showQuickPick(items, {
    title: `Allow ${plain(host)}`,
    placeHolder: 'For how long?',
  });
  if (picked === undefined) throw cancelled();
  if (!picked.all) return [slot];
  await context.backend.request('config/allow', { workspace, hosts: [host] });
  return context.model.slots.filter(
    each => each.workspace === workspace && each.network === 'allowlist' && isAttachable(each),
  );
}
