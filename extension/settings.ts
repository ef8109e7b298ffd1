import * as vscode from 'vscode';
import { SETTINGS_PREFIX } from './ids.ts';
import { FOLDER_KEYS, MACHINE_KEYS, WORKSPACE_KEYS } from './model/settingKeys.ts';

export type NotificationMode = 'off' | 'unfocused' | 'always';

/**
 * The one reader of settings.json. What is set to `null` or to nothing leaves it to the configuration files, as the backend takes it, also
 * where a workspace says so of what the user has set.
 */
export class Settings {
  /** Explicitly set values of the keys that the backend knows, without the prefix. */
  explicit(): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    for (const key of WORKSPACE_KEYS) assign(values, key, explicitValue(key, true));
    for (const key of MACHINE_KEYS) assign(values, key, explicitValue(key, false));
    return values;
  }

  /** What one folder of a multi-root workspace says for itself, if it is trusted. */
  ofFolder(path: string): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    if (!vscode.workspace.isTrusted) return values;
    const configuration = vscode.workspace.getConfiguration(SETTINGS_PREFIX, vscode.Uri.file(path));
    for (const key of FOLDER_KEYS) assign(values, key, configuration.inspect(key)?.workspaceFolderValue);
    return values;
  }

  /** Incus' socket, when the user names one. */
  incusSocket(): string | undefined {
    return text(explicitValue('incusSocket', false));
  }

  /** Incus' project, when the user names one. */
  incusProject(): string | undefined {
    return text(explicitValue('incusProject', false));
  }

  /** When to tell of agents: the user's own word only. */
  notifications(): NotificationMode {
    return vscode.workspace.getConfiguration(SETTINGS_PREFIX).get<NotificationMode>('notifications', 'unfocused');
  }

  /** Where new terminals go; `undefined` leaves it to the editor's own setting. */
  terminalLocation(): 'panel' | 'editor' | undefined {
    const value = explicitValue('terminalLocation', true);
    return value === 'panel' || value === 'editor' ? value : undefined;
  }

  /** Whether closing an ephemeral slot, which deletes its container, asks first: the user's own word only. */
  confirmClose(): boolean {
    return vscode.workspace.getConfiguration(SETTINGS_PREFIX).get<boolean>('confirmClose', true);
  }
}

function explicitValue(key: string, workspaceMay: boolean): unknown {
  const found = vscode.workspace.getConfiguration(SETTINGS_PREFIX).inspect(key);
  const own = found?.globalValue;
  if (!workspaceMay || !vscode.workspace.isTrusted) return own;
  return [found?.workspaceFolderValue, found?.workspaceValue, own].find(value => value !== undefined);
}

function assign(values: Record<string, unknown>, key: string, value: unknown): void {
  if (value !== undefined) values[key] = value;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
