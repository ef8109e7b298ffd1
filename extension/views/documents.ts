import * as vscode from 'vscode';
import { DOCUMENT_SCHEME } from '../ids.ts';
import { plain, visible } from './text.ts';

/** Read-only documents: what a screen, a transcript, a report or a configuration was when it was asked for. */
export class Documents implements vscode.TextDocumentContentProvider, vscode.Disposable {
  private readonly texts = new Map<string, string>();
  private readonly changed = new vscode.EventEmitter<vscode.Uri>();
  private readonly subscriptions: vscode.Disposable[];

  readonly onDidChange = this.changed.event;

  constructor() {
    this.subscriptions = [
      vscode.workspace.registerTextDocumentContentProvider(DOCUMENT_SCHEME, this),
      vscode.workspace.onDidCloseTextDocument(document => {
        if (document.uri.scheme === DOCUMENT_SCHEME) this.texts.delete(document.uri.path);
      }),
    ];
  }

  provideTextDocumentContent(uri: vscode.Uri): string {
    return this.texts.get(uri.path) ?? 'This page is no longer there. Ask for it again.';
  }

  /** Shows a text, which may be hostile, under a name; showing the same name again replaces it. */
  async show(name: string, text: string, language = 'plaintext'): Promise<void> {
    const uri = vscode.Uri.from({ scheme: DOCUMENT_SCHEME, path: `/${plain(name, 120).replaceAll('/', '_')}` });
    this.texts.set(uri.path, visible(text));
    this.changed.fire(uri);
    const document = await vscode.workspace.openTextDocument(uri);
    await vscode.languages.setTextDocumentLanguage(document, language);
    await vscode.window.showTextDocument(document, { preview: true });
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.changed.dispose();
  }
}
