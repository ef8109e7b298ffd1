import * as vscode from 'vscode';
import type { Backend } from './backend/backend.ts';
import { HAD_SLOT_KEY, SETTINGS_PREFIX } from './ids.ts';
import type { ImageCheck } from './imageCheck.ts';
import type { Disposable } from './model/emitter.ts';
import { failureOf } from './model/failures.ts';
import type { Model } from './model/model.ts';
import { hasOwnSlots } from './model/selectors.ts';
import { BACKEND_KEYS } from './model/settingKeys.ts';
import type { Settings } from './settings.ts';
import { localFolders, toldFolders } from './surroundings.ts';
import type { SlotView } from './views/slotView.ts';

/** Tells the model and the backend of folders, trust and settings when they change. */
export function watchEditor(
  backend: Backend,
  model: Model,
  settings: Settings,
  log: vscode.LogOutputChannel,
): Disposable[] {
  // Always all of it: trust and settings decide what a folder says for itself.
  const tell = (): void => {
    backend
      .update({ workspaces: toldFolders(settings), settings: settings.explicit() })
      .catch((error: unknown) => log.warn(`The backend was not told: ${failureOf(error).message}`));
  };
  const surroundings = (): void => {
    model.setSurroundings({ folders: localFolders(), trusted: vscode.workspace.isTrusted });
    tell();
  };
  return [
    vscode.workspace.onDidChangeWorkspaceFolders(surroundings),
    vscode.workspace.onDidGrantWorkspaceTrust(surroundings),
    vscode.workspace.onDidChangeConfiguration(event => {
      if (!event.affectsConfiguration(SETTINGS_PREFIX)) return;
      tell();
      if (BACKEND_KEYS.some(key => event.affectsConfiguration(`${SETTINGS_PREFIX}.${key}`))) backend.reconnect();
    }),
  ];
}

/** Looks for the image when what an empty view says of it may have changed. */
export function watchImage(backend: Backend, model: Model, view: SlotView, image: ImageCheck): Disposable[] {
  const look = (): void => {
    if (view.visible) void image.run();
  };
  return [
    model.onDidChange(look),
    // Perhaps to another Incus.
    backend.onState(({ name }) => name === 'connected' && look()),
    // What no event tells: an image that was built or deleted elsewhere, and another one that is named.
    vscode.window.onDidChangeWindowState(({ focused }) => focused && look()),
    vscode.workspace.onDidChangeConfiguration(event => event.affectsConfiguration(SETTINGS_PREFIX) && look()),
  ];
}

/** Remembers whether this workspace has slots, so that its next window looks at them without being asked. */
export function rememberSlots(model: Model, memento: vscode.Memento): Disposable {
  return model.onDidChange(() => {
    const has = hasOwnSlots(model);
    if (has !== undefined && memento.get(HAD_SLOT_KEY, false) !== has) void memento.update(HAD_SLOT_KEY, has);
  });
}
