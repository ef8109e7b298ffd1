import * as vscode from 'vscode';
import { failureOf, NothingToDo, type ShownFailure } from '../model/failures.ts';
import type { Model } from '../model/model.ts';
import { nextStep } from '../model/nextStep.ts';
import { plain } from '../views/text.ts';

/** The one place where a failure becomes a toast: what failed, why, one next step, and the log. What is none is only told. */
export class ErrorReporter {
  private readonly model: Model;
  private readonly log: vscode.LogOutputChannel;

  constructor(model: Model, log: vscode.LogOutputChannel) {
    this.model = model;
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
    const step = nextStep(failure.kind, this.model, failure.secret);
    const words = sentence(failure);
    const titles = [...(step === undefined ? [] : [step.title]), 'Show Log'];
    const choice = await vscode.window.showErrorMessage(`${title}: ${words}`, ...titles);
    if (choice === 'Show Log') this.log.show(true);
    else if (choice !== undefined && step !== undefined) await vscode.commands.executeCommand(step.command, step.text);
  }
}

function sentence(failure: ShownFailure): string {
  const message = plain(failure.message, 400);
  if (failure.hint === undefined || message.includes(failure.hint)) return message;
  return `${message.replace(/[.\s]*$/, '')}. ${plain(failure.hint, 300)}`;
}
