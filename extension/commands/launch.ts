import * as vscode from 'vscode';
import type { SlotOpenParams, SlotOpenResult } from '../../server/protocol/methods.ts';
import { failureOf, isImageMissing } from '../model/failures.ts';
import { baseName, plain } from '../views/text.ts';
import { approve } from './approval.ts';
import { buildImageNow } from './buildImage.ts';
import type { CommandContext } from './command.ts';
import { withProgress } from './progress.ts';
import { cancelled } from './targets.ts';

/** Opens a slot, mends what stands in the way with the user's consent, and shows the agent's terminal. */
export async function openAndAttach(context: CommandContext, params: SlotOpenParams): Promise<SlotOpenResult> {
  const opened = await openWithRemedies(context, { ...context.settings.ofFolder(params.workspace), ...params });
  await context.terminals.open(opened.container, 'agent');
  await context.view.reveal(opened.container);
  return opened;
}

/** Opens a slot; each remedy (building the image, approving what the workspace asks for) is offered once. */
export async function openWithRemedies(context: CommandContext, params: SlotOpenParams): Promise<SlotOpenResult> {
  const offered = new Set<string>();
  for (;;) {
    try {
      return await open(context, params);
    } catch (error) {
      const failure = failureOf(error);
      const remedy = isImageMissing(failure) ? 'image' : failure.kind === 'untrusted' ? 'trust' : undefined;
      if (remedy === undefined || offered.has(remedy)) throw error;
      offered.add(remedy);
      if (remedy === 'image') await offerImage(context, failure.message, params);
      else if (!(await approve(context, params.workspace))) throw error;
    }
  }
}

function open(context: CommandContext, params: SlotOpenParams): Thenable<SlotOpenResult> {
  const title = `Opening a slot in ${plain(baseName(params.workspace), 40)}`;
  return withProgress(title, context.log, options => context.backend.request('slot/open', params, options));
}

async function offerImage(context: CommandContext, message: string, params: SlotOpenParams): Promise<void> {
  const choice = await vscode.window.showWarningMessage(
    'The image for new slots is not there. Build it now?',
    { modal: true, detail: `${plain(message, 300)}\n\nBuilding takes a few minutes, and can be cancelled.` },
    'Build Image',
  );
  if (choice !== 'Build Image') throw cancelled();
  await buildImageNow(context, {
    ...(params.image === undefined ? {} : { alias: params.image }),
    ...(params.profile === undefined ? {} : { profile: params.profile }),
  });
}
