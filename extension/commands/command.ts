import type * as vscode from 'vscode';
import type { Diagnostics } from '../diagnostics.ts';
import type { CommandId } from '../ids.ts';
import type { BackendApi } from '../model/backendApi.ts';
import type { Model } from '../model/model.ts';
import type { Settings } from '../settings.ts';
import type { Terminals } from '../terminals/terminals.ts';
import type { Documents } from '../views/documents.ts';
import type { Node } from '../views/node.ts';
import type { SlotView } from '../views/slotView.ts';
import type { ErrorReporter } from './errors.ts';

/** What commands work with. */
export interface CommandContext {
  readonly model: Model;
  readonly backend: BackendApi;
  readonly terminals: Terminals;
  readonly documents: Documents;
  readonly diagnostics: Diagnostics;
  readonly settings: Settings;
  readonly view: SlotView;
  readonly log: vscode.LogOutputChannel;
  readonly secrets: vscode.SecretStorage;
  /** The path of one of the extension's own files. */
  file(name: string): string;
  /** What this workspace remembers. */
  readonly memory: vscode.Memento;
  readonly errors: ErrorReporter;
  /** Starts the backend if need be; settles when the model holds a first snapshot. */
  ready(): Promise<void>;
  /** Ends the backend and starts it anew; slots run on. */
  restartBackend(): Promise<void>;
}

/** An act of the user. Without a row it asks for its target. */
export interface Command {
  readonly id: CommandId;
  /** What failed, when it fails. */
  readonly title: string;
  /** `trust`: starts or types into something, so it is refused in restricted mode; it needs the backend too. */
  readonly needs: 'nothing' | 'backend' | 'trust';
  /** `text` is what a button fills in, so that the command need not ask for it. */
  run(context: CommandContext, node: Node | undefined, nodes: readonly Node[], text?: string): Promise<void>;
}
