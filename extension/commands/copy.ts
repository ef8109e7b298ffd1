import { readFile } from 'node:fs/promises';
import * as vscode from 'vscode';
import { NothingToDo } from '../model/failures.ts';
import { shellLineIn } from '../terminals/shellLine.ts';
import type { Command } from './command.ts';
import { said } from './said.ts';
import { ANY_SLOT, oneSlot, RUNNING_SLOT } from './targets.ts';

export const copyName: Command = {
  id: 'incusAgents.copyName',
  title: 'Copying the name failed',
  needs: 'backend',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Copy Container Name', ANY_SLOT);
    await copy(slot.container);
  },
};

/** What is long in the command of a terminal, in the extension's folder. */
const GUEST_FILES = ['media/guest/attach.sh', 'media/guest/filter.pl'];

export const copyAttachCommand: Command = {
  id: 'incusAgents.copyAttachCommand',
  title: 'Copying the command failed',
  needs: 'backend',
  async run(context, node) {
    const slot = await oneSlot(context, node, 'Copy Attach Command', RUNNING_SLOT);
    const attach = await context.backend.request('slot/attach', { container: slot.container, kind: 'agent' });
    const texts = GUEST_FILES.map(
      async name => [await readFile(context.file(name), 'utf8'), context.file(name)] as const,
    );
    const files = new Map(await Promise.all(texts));
    await copy(
      shellLineIn(attach.env, [attach.file, ...attach.args], files),
      'Copied, for this version of the extension',
    );
  },
};

export const copyFixCommand: Command = {
  id: 'incusAgents.copyFixCommand',
  title: 'Copying the command failed',
  needs: 'nothing',
  async run(context) {
    const command = context.model.incus.fix;
    if (command === undefined)
      throw new NothingToDo('No single command mends this.', {
        title: 'Check Health',
        command: 'incusAgents.healthCheck',
      });
    await copy(command);
  },
};

async function copy(text: string, words = 'Copied'): Promise<void> {
  await vscode.env.clipboard.writeText(text);
  said(words);
}
