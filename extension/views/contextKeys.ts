import * as vscode from 'vscode';
import { CONTEXT_DEFAULTS, type ContextKeyValues } from './contextDefaults.ts';

/** The one place that sets context keys; tells the editor only what changed. */
export class ContextKeys {
  private readonly values = new Map<string, unknown>();

  constructor() {
    for (const key of Object.keys(CONTEXT_DEFAULTS) as (keyof ContextKeyValues)[]) this.set(key, CONTEXT_DEFAULTS[key]);
  }

  set<K extends keyof ContextKeyValues>(key: K, value: ContextKeyValues[K]): void {
    if (this.values.get(key) === value) return;
    this.values.set(key, value);
    void vscode.commands.executeCommand('setContext', key, value);
  }
}
