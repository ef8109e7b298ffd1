import * as vscode from 'vscode';
import { secretKey } from '../model/secrets.ts';
import type { Command } from './command.ts';
import { said } from './said.ts';
import { cancelled } from './targets.ts';

/** Puts an API key or token into the editor's secret storage, where a slot's agent gets it from by name. */
export const storeSecret: Command = {
  id: 'incusAgents.storeSecret',
  title: 'Storing the secret failed',
  needs: 'nothing',
  async run(context) {
    const name = await vscode.window.showInputBox({
      title: 'Store Secret',
      prompt: 'The name by which the configuration asks for it',
      placeHolder: 'ANTHROPIC_API_KEY',
      ignoreFocusOut: true,
      validateInput: value =>
        /^[A-Za-z0-9_.-]{1,100}$/.test(value) ? undefined : 'Letters, digits, “_”, “.” and “-” only',
    });
    if (name === undefined) throw cancelled();
    const value = await vscode.window.showInputBox({
      title: `Store Secret ${name}`,
      prompt: 'Kept in the editor’s secret storage. Empty removes it.',
      password: true,
      ignoreFocusOut: true,
    });
    if (value === undefined) throw cancelled();
    if (value === '') await context.secrets.delete(secretKey(name));
    else await context.secrets.store(secretKey(name), value);
    said(value === '' ? `The secret ${name} is removed` : `The secret ${name} is stored`);
  },
};
