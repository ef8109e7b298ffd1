import * as vscode from 'vscode';
import type { SlotOpenParams, SlotOpenResult } from '../../server/protocol/methods.ts';
import { ExtensionFailure, failureOf, isImageMissing, type ShownFailure } from '../model/failures.ts';
import { workspaceName } from '../views/names.ts';
import { plain } from '../views/text.ts';
import { approve } from './approval.ts';
import { buildImageNow } from './buildImage.ts';
import type { CommandContext } from './command.ts';
import { withLateProgress } from './progress.ts';
import { cancelled } from './targets.ts';

/** Opens a slot, mends what stands in the way with the user's consent, and shows the agent's terminal. */
export async function openAndAttach(context: CommandContext, params: SlotOpenParams): Promise<SlotOpenResult> {
  const opened = await openWithRemedies(context, params);
  const { terminals, view } = context;
  await terminals.open(opened.container, 'agent');
  // The editor gives a tree that it has just drawn anew the focus that it had, also when that has gone to a terminal meanwhile.
  const drawn = await view.reveal(opened.container);
  if (drawn && terminals.has(opened.container, 'agent')) await terminals.open(opened.container, 'agent');
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
      if (remedy === 'image') await offerImage(context, failure, params);
      else if (!(await approve(context, params.workspace))) throw error;
    }
  }
}

function open(context: CommandContext, params: SlotOpenParams): Promise<SlotOpenResult> {
  const doing = params.resume === undefined ? 'Opening a slot' : 'Resuming';
  const title = `${doing} in ${workspaceName(context.model, params.workspace)}`;
  return withLateProgress(title, context.log, options => context.backend.request('slot/open', params, options));
}

/** Asks whether to build what is missing. Nothing is built under the name of an image that only a project or the launch names. */
async function offerImage(context: CommandContext, failure: ShownFailure, params: SlotOpenParams): Promise<void> {
  const { alias, buildable } = failure.image ?? { alias: params.image, buildable: params.image === undefined };
  if (!buildable) throw new ExtensionFailure('not-found', failure.message, failure.hint);
  const choice = await vscode.window.showWarningMessage(
    'The image for new slots is not there. Build it now?',
    { modal: true, detail: `${plain(failure.message, 300)}\n\nBuilding takes a few minutes, and can be cancelled.` },
    'Build Image',
  );
  if (choice !== 'Build Image') throw cancelled();
  await buildImageNow(context, alias === undefined ? {} : { alias });
}
