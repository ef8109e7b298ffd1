import * as vscode from 'vscode';

/** How long a word stays in the status bar (milliseconds). */
const MOMENT = 4000;

/** Says in the status bar, for a moment, that something was done which is seen nowhere else. */
export function said(words: string): void {
  void vscode.window.setStatusBarMessage(`$(check) ${words}`, MOMENT);
}
