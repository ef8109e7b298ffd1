import * as vscode from 'vscode';
import type { Progress } from '../../server/protocol/types.ts';
import { VIEW_ID } from '../ids.ts';
import type { RequestOptions } from '../model/backendApi.ts';
import { progressWords } from '../views/progressWords.ts';

/** How long work may take before a notification shows it, with a way to cancel it (milliseconds). */
const LONG = 2000;

/** What is done, telling of its phases; `signal` aborts when the user cancels. */
export type Work<T> = (options: Required<RequestOptions>) => Promise<T>;

/** Runs long work with its phases in a notification that can cancel it; log lines go to the log. */
export function withProgress<T>(title: string, log: vscode.LogOutputChannel, work: Work<T>): Promise<T> {
  const shown = new Shown(title, log);
  const done = work(shown.options);
  shown.show(done);
  return done;
}

/** The same for work that is mostly quick: for its first moments only the view shows that something is under way. */
export async function withLateProgress<T>(title: string, log: vscode.LogOutputChannel, work: Work<T>): Promise<T> {
  const shown = new Shown(title, log);
  const done = work(shown.options);
  void vscode.window.withProgress({ location: { viewId: VIEW_ID } }, () => Promise.allSettled([done]));
  const timer = setTimeout(() => shown.show(done), LONG);
  return done.finally(() => clearTimeout(timer));
}

/** Progress of one piece of work, in a notification once that is there. */
class Shown {
  private readonly abort = new AbortController();
  private readonly title: string;
  private readonly log: vscode.LogOutputChannel;
  private last: Progress | undefined;
  private percent = 0;
  private report: vscode.Progress<{ message: string; increment?: number }> | undefined;

  constructor(title: string, log: vscode.LogOutputChannel) {
    this.title = title;
    this.log = log;
  }

  get options(): Required<RequestOptions> {
    return { signal: this.abort.signal, onProgress: step => this.note(step) };
  }

  show(done: Promise<unknown>): void {
    const options = { location: vscode.ProgressLocation.Notification, title: this.title, cancellable: true };
    void vscode.window.withProgress(options, async (progress, token) => {
      this.report = progress;
      this.tell(this.last);
      const subscription = token.onCancellationRequested(() => this.abort.abort());
      await Promise.allSettled([done]);
      subscription.dispose();
    });
  }

  private note(step: Progress): void {
    if (step.log !== undefined) this.log.info(step.log.trimEnd());
    this.last = step;
    this.tell(step);
  }

  private tell(step: Progress | undefined): void {
    if (this.report === undefined) return;
    const increment = step?.percent === undefined ? 0 : Math.max(0, step.percent - this.percent);
    this.percent += increment;
    this.report.report({ message: progressWords(step), ...(increment > 0 ? { increment } : {}) });
  }
}
