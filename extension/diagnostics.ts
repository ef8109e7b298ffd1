import { homedir } from 'node:os';
import * as vscode from 'vscode';
import type { ConfigProblem } from '../server/protocol/types.ts';
import { SETTINGS_PREFIX } from './ids.ts';
import type { BackendApi } from './model/backendApi.ts';
import { isConfigFile, problemsByPath, settingsProblems } from './model/configFiles.ts';
import { failureOf } from './model/failures.ts';
import type { Model, Surroundings } from './model/model.ts';
import { plain } from './views/text.ts';

const SETTLE_MS = 200;
const SEVERITIES = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  info: vscode.DiagnosticSeverity.Information,
} as const;

/**
 * Shows what is wrong in configuration files, as the backend finds it, on the files themselves. What is wrong in settings has no place in
 * a file of ours: the editor marks it there, and a message tells once.
 */
export class Diagnostics implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection('incus-agents');
  private readonly subscriptions: { dispose(): void }[];
  private readonly model: Model;
  private readonly backend: BackendApi;
  private readonly ready: () => Promise<void>;
  private readonly log: vscode.LogOutputChannel;
  private timer: NodeJS.Timeout | undefined;
  private told = '';
  private about: Pick<Surroundings, 'folders' | 'trusted'>;

  constructor(model: Model, backend: BackendApi, ready: () => Promise<void>, log: vscode.LogOutputChannel) {
    this.model = model;
    this.backend = backend;
    this.ready = ready;
    this.log = log;
    this.about = model.surroundings;
    const look = (document: vscode.TextDocument): void => {
      if (document.uri.scheme === 'file' && isConfigFile(document.uri.fsPath)) this.later();
    };
    const watcher = vscode.workspace.createFileSystemWatcher('**/{.coi/**/*.toml,.coi.toml}');
    const changed = (): void => this.changed();
    this.subscriptions = [
      this.collection,
      watcher,
      model.onDidChangeSurroundings(() => this.surroundings()),
      watcher.onDidChange(changed),
      watcher.onDidCreate(changed),
      watcher.onDidDelete(changed),
      vscode.workspace.onDidOpenTextDocument(look),
      vscode.workspace.onDidSaveTextDocument(look),
      vscode.workspace.onDidChangeConfiguration(event => event.affectsConfiguration(SETTINGS_PREFIX) && changed()),
    ];
    for (const document of vscode.workspace.textDocuments) look(document);
  }

  /** What was found may no longer be so: looks again, where the backend is there. */
  changed(): void {
    if (this.model.link.state === 'ready') this.later();
  }

  /** Which folders are open, and whether they are trusted, decides what counts. */
  private surroundings(): void {
    const { folders, trusted } = this.model.surroundings;
    if (folders === this.about.folders && trusted === this.about.trusted) return;
    this.about = { folders, trusted };
    this.changed();
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), SETTLE_MS);
  }

  private async refresh(): Promise<void> {
    try {
      await this.ready();
      // Without a folder what lies in the home is looked at all the same: it may be open.
      const folders = this.model.surroundings.folders.map(folder => folder.path);
      const workspaces = folders.length > 0 ? folders : [homedir()];
      this.publish((await Promise.all(workspaces.map(workspace => this.problemsOf(workspace)))).flat());
    } catch (error) {
      this.unchecked(error);
    }
  }

  /** A folder that is gone keeps the others from nothing. */
  private async problemsOf(workspace: string): Promise<readonly ConfigProblem[]> {
    try {
      return (await this.backend.request('config/show', { workspace })).problems;
    } catch (error) {
      this.unchecked(error);
      return [];
    }
  }

  private unchecked(error: unknown): void {
    this.log.warn(`The configuration could not be checked: ${failureOf(error).message}`);
  }

  private publish(problems: readonly ConfigProblem[]): void {
    this.collection.clear();
    for (const [path, list] of problemsByPath(problems)) {
      this.collection.set(vscode.Uri.file(path), list.map(toDiagnostic));
    }
    void this.tellOfSettings(settingsProblems(problems));
  }

  /** Tells of the same ones once, until they are mended. */
  private async tellOfSettings(messages: readonly string[]): Promise<void> {
    const text = messages.map(message => plain(message, 200)).join(' ');
    if (text === this.told) return;
    this.told = text;
    if (text === '') return;
    this.log.warn(text);
    const choice = await vscode.window.showWarningMessage(text, 'Open Settings');
    if (choice === 'Open Settings') await vscode.commands.executeCommand('incusAgents.openSettings');
  }

  dispose(): void {
    clearTimeout(this.timer);
    vscode.Disposable.from(...this.subscriptions).dispose();
  }
}

function toDiagnostic(problem: ConfigProblem): vscode.Diagnostic {
  const line = Math.max(0, problem.line - 1);
  const start = new vscode.Position(line, Math.max(0, problem.column - 1));
  const range = new vscode.Range(start, new vscode.Position(line, Number.MAX_SAFE_INTEGER));
  const diagnostic = new vscode.Diagnostic(range, problem.message, SEVERITIES[problem.severity]);
  diagnostic.source = 'Incus Agents';
  return diagnostic;
}
