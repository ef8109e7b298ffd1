import * as vscode from 'vscode';
import type { Progress } from '../../server/protocol/types.ts';
import type { RequestOptions } from '../model/backendApi.ts';
import { plain } from '../views/text.ts';

/** Runs long work with its phases in a notification that can cancel it; log lines go to the log. */
export function withProgress<T>(
  title: string,
  log: vscode.LogOutputChannel,
  work: (options: Required<RequestOptions>) => Promise<T>,
): Thenable<T> {
  const options = { location: vscode.ProgressLocation.Notification, title, cancellable: true };
  return vscode.window.withProgress(options, async (progress, token) => {
    const abort = new AbortController();
    const subscription = token.onCancellationRequested(() => abort.abort());
    let shown = 0;
    const onProgress = (step: Progress): void => {
      if (step.log !== undefined) log.info(step.log.trimEnd());
      const increment = step.percent === undefined ? 0 : Math.max(0, step.percent - shown);
      shown += increment;
      progress.report({ message: wordsOf(step), ...(increment > 0 ? { increment } : {}) });
    };
    try {
      return await work({ signal: abort.signal, onProgress });
    } finally {
      subscription.dispose();
    }
  });
}

function wordsOf(step: Progress): string {
  const percent = step.percent === undefined ? '' : ` ${Math.round(step.percent)} %`;
  return `${plain(step.message ?? step.phase, 100)}${percent}`;
}
