import * as vscode from 'vscode';
import type { WorkspaceFolder } from '../server/protocol/methods.ts';
import type { Folder } from './model/model.ts';
import type { Settings } from './settings.ts';

/** The folders of this window that lie on this machine. */
export function localFolders(): Folder[] {
  const folders = vscode.workspace.workspaceFolders ?? [];
  return folders.filter(({ uri }) => uri.scheme === 'file').map(({ uri, name }) => ({ path: uri.fsPath, name }));
}

/** The same as the backend is told. */
export function toldFolders(settings: Settings): WorkspaceFolder[] {
  const trusted = vscode.workspace.isTrusted;
  return localFolders().map(({ path }) => ({ path, trusted, settings: settings.ofFolder(path) }));
}
