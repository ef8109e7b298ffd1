import * as vscode from 'vscode';
import { NothingToDo } from '../model/failures.ts';
import { deletableImages } from '../model/selectors.ts';
import { ago, plain, size } from '../views/text.ts';
import type { Command } from './command.ts';
import { said } from './said.ts';
import { cancelled } from './targets.ts';

export const deleteImage: Command = {
  id: 'incusAgents.deleteImage',
  title: 'Deleting the image failed',
  needs: 'backend',
  async run(context) {
    const { images } = await context.backend.request('image/list', {});
    const items = deletableImages(images).map(({ alias, description, sizeBytes, createdAt }) => ({
      alias,
      label: plain(alias),
      description: `${size(sizeBytes)} · ${ago(createdAt, Date.now())}`,
      detail: plain(description ?? ''),
    }));
    if (items.length === 0)
      throw new NothingToDo('There is no image that was built here or by coi; others are not deleted here.');
    const picked = await vscode.window.showQuickPick(items, { title: 'Delete Image', placeHolder: 'Choose an image' });
    if (picked === undefined) throw cancelled();
    const detail = 'Slots that were made from it go on working. New slots need an image.';
    const choice = await vscode.window.showWarningMessage(
      `Delete the image ${picked.label}?`,
      { modal: true, detail },
      'Delete',
    );
    if (choice !== 'Delete') throw cancelled();
    await context.backend.request('image/delete', { alias: picked.alias });
    said(`The image ${picked.label} is deleted`);
  },
};
