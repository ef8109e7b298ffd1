import * as vscode from 'vscode';
import { cancelled } from './targets.ts';

/** An answer that stands for a value; the label is what the user reads. */
export interface Choice<T> {
  readonly label: string;
  readonly description?: string;
  readonly detail?: string;
  readonly value: T;
}

/** One question. Either choices, or free text, or both. */
export interface Question<T> {
  readonly placeHolder: string;
  /** The answer of the last time, to begin with. */
  readonly last?: T | undefined;
  choices(): Promise<readonly Choice<T>[]>;
  /** Turns typed text that is no choice into a value; absent when only choices count. */
  typed?(text: string): T | undefined;
  /** What is typed counts before the choices that it leaves in the list. */
  readonly typedFirst?: boolean;
  /** What is said of typed text that is no answer. */
  readonly refusal?: string;
}

/** A step that asks and keeps the answer itself; `false` when there is nothing to ask. */
export type Step = (ask: Asker) => Promise<boolean>;
export type Asker = <T>(question: Question<T>) => Promise<T>;

const BACK = Symbol('back');

/** Asks step by step with a way back. Throws `cancelled` when the user leaves. */
export async function askSteps(title: string, steps: readonly Step[]): Promise<void> {
  const asked: number[] = [];
  for (let at = 0; at < steps.length; ) {
    const step = steps[at];
    if (step === undefined) return;
    const place = { step: at + 1, total: steps.length, back: asked.length > 0 };
    try {
      if (await step(question => ask(title, question, place))) asked.push(at);
      at += 1;
    } catch (thrown) {
      if (thrown !== BACK) throw thrown;
      at = asked.pop() ?? 0;
    }
  }
}

interface Place {
  readonly step: number;
  readonly total: number;
  readonly back: boolean;
}

type Item<T> = vscode.QuickPickItem & { value: T };

async function ask<T>(title: string, question: Question<T>, place: Place): Promise<T> {
  const pick = vscode.window.createQuickPick<Item<T>>();
  pick.title = title;
  pick.step = place.step;
  pick.totalSteps = place.total;
  pick.placeholder = question.placeHolder;
  pick.ignoreFocusOut = true;
  pick.buttons = place.back ? [vscode.QuickInputButtons.Back] : [];
  const answered = answerOf(pick, question);
  answered.catch(() => undefined); // It is awaited below; until then leaving early must not look unhandled.
  pick.busy = true;
  pick.show();
  try {
    pick.items = (await question.choices()).map(toItem);
    const last = pick.items.find(item => item.value !== undefined && item.value === question.last);
    if (last !== undefined) pick.activeItems = [last];
    pick.busy = false;
    return await answered;
  } finally {
    pick.dispose();
  }
}

function toItem<T>(choice: Choice<T>): Item<T> {
  const { label, value, description, detail } = choice;
  return {
    label,
    value,
    ...(description === undefined ? {} : { description }),
    ...(detail === undefined ? {} : { detail }),
  };
}

function answerOf<T>(pick: vscode.QuickPick<Item<T>>, question: Question<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    pick.onDidTriggerButton(() => reject(BACK));
    pick.onDidHide(() => reject(cancelled()));
    pick.onDidAccept(() => {
      const text = pick.value.trim();
      const typed = text === '' ? undefined : question.typed?.(text);
      if (question.typedFirst === true && typed !== undefined) return resolve(typed);
      const [item] = pick.activeItems;
      if (item !== undefined) return resolve(item.value);
      if (typed !== undefined) resolve(typed);
      else if (question.refusal !== undefined) pick.title = question.refusal;
    });
  });
}
