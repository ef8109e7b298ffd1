import * as vscode from 'vscode';
import type { ParamsOf } from '../../server/protocol/methods.ts';
import { plain } from '../views/text.ts';
import type { Command, CommandContext } from './command.ts';
import { withProgress } from './progress.ts';

/** Builds an image with its phases shown and its log in the log channel. */
export async function buildImageNow(context: CommandContext, params: ParamsOf<'image/build'>): Promise<string> {
  const built = await withProgress('Building the image', context.log, options =>
    context.backend.request('image/build', params, options),
  );
  context.model.setSurroundings({ imageMissing: false });
  return built.alias;
}

/** Builds an image, then offers what to do with it. */
export async function buildAndTell(context: CommandContext, params: ParamsOf<'image/build'>): Promise<void> {
  const alias = await buildImageNow(context, params);
  const choice = await vscode.window.showInformationMessage(
    `The image ${plain(alias)} is ready.`,
    'Open Slot',
    'Show Log',
  );
  if (choice === 'Show Log') context.log.show(true);
  if (choice === 'Open Slot') await vscode.commands.executeCommand('incusAgents.openSlot');
}

export const buildImage: Command = {
  id: 'incusAgents.buildImage',
  title: 'Building the image failed',
  needs: 'trust',
  run: context => buildAndTell(context, {}),
};
