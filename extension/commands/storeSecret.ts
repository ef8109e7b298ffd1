import * as vscode from 'vscode';
import { SECRET_NAME } from '../../server/protocol/secrets.ts';
import { secretKey } from '../model/secrets.ts';
import { plain } from '../views/text.ts';
import type { Command } from './command.ts';
import { said } from './said.ts';
import { cancelled } from './targets.ts';

/** Puts an API key or token into the editor's secret storage, where a slot's agent gets it from by name. */
export const storeSecret: Command = {
  id: 'incusAgents.storeSecret',
  title: 'Storing the secret failed',
  needs: 'nothing',
  async run(context, _node, _nodes, text) {
    const name = text !== undefined && SECRET_NAME.test(text) ? text : await askName();
    const shown = plain(name, 100);
    const value = await vscode.window.showInputBox({
      title: `Store Secret ${shown}`,
      prompt: 'Kept in the editor’s secret storage. Empty removes it.',
      password: true,
      ignoreFocusOut: true,
    });
    if (value === undefined) throw cancelled();
    if (value === '') await context.secrets.delete(secretKey(name));
    else await context.secrets.store(secretKey(name), value);
    said(value === '' ? `The secret ${shown} is removed` : `The secret ${shown} is stored`);
  },
};

async function askName(): Promise<string> {
  const name = await vscode.window.showInputBox({
    title: 'Store Secret',
    prompt: 'The name by which the configuration asks for it',
    placeHolder: 'ANTHROPIC_API_KEY',
    ignoreFocusOut: true,
    validateInput: value =>
      SECRET_NAME.test(value) ? undefined : 'Letters, digits, "_", "." and "-", as in the configuration',
  });
  if (name === undefined) throw cancelled();
  return name;
}
