import * as vscode from 'vscode';
import { failureOf, NothingToDo, type ShownFailure } from '../model/failures.ts';
import { plain } from '../views/text.ts';

/** A next step that a toast offers besides the log. */
interface Step {
  readonly title: string;
  run(): Thenable<unknown> | undefined;
}

/** The one place where a failure becomes a toast: what failed, why, one next step, and the log. What is none is only told. */
export class ErrorReporter {
  private readonly log: vscode.LogOutputChannel;

  constructor(log: vscode.LogOutputChannel) {
    this.log = log;
  }

  /** Runs an action of the user; what it throws is logged and shown, unless the user gave up. */
  async run(title: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      if (error instanceof NothingToDo) {
        void this.tell(error);
        return;
      }
      const failure = failureOf(error);
      if (failure.kind === 'cancelled') return;
      this.log.error(`${title}: ${failure.message}${failure.detail === undefined ? '' : `\n${failure.detail}`}`);
      void this.show(title, failure);
    }
  }

  private async tell({ message, instead }: NothingToDo): Promise<void> {
    const titles = instead === undefined ? [] : [instead.title];
    const choice = await vscode.window.showInformationMessage(message, ...titles);
    if (choice !== undefined && instead !== undefined) await vscode.commands.executeCommand(instead.command);
  }

  private async show(title: string, failure: ShownFailure): Promise<void> {
    const step = stepFor(failure);
    const words = sentence(failure);
    const titles = [...(step === undefined ? [] : [step.title]), 'Show Log'];
    const choice = await vscode.window.showErrorMessage(`${title}: ${words}`, ...titles);
    if (choice === 'Show Log') this.log.show(true);
    else if (choice !== undefined) await step?.run();
  }
}

function sentence(failure: ShownFailure): string {
  const message = plain(failure.message, 400);
  if (failure.hint === undefined || message.includes(failure.hint)) return message;
  return `${message.replace(/[.\s]*$/, '')}. ${plain(failure.hint, 300)}`;
}

function stepFor(failure: ShownFailure): Step | undefined {
  const command = (title: string, id: string, ...args: unknown[]): Step => ({
    title,
    run: () => vscode.commands.executeCommand(id, ...args),
  });
  switch (failure.kind) {
    case 'permission':
    case 'unavailable':
    case 'isolation':
      return command('Check Health', 'incusAgents.healthCheck');
    case 'untrusted':
      return vscode.workspace.isTrusted
        ? command('Trust Workspace Configuration…', 'incusAgents.trustConfig')
        : command('Manage Workspace Trust', 'workbench.trust.manage');
    case 'config':
      return command('Show Configuration', 'incusAgents.showConfig');
    default:
      return undefined;
  }
}
