import * as vscode from 'vscode';
import type { ConfigProblem } from '../server/protocol/types.ts';
import type { BackendApi } from './model/backendApi.ts';
import { isConfigFile, problemsByPath } from './model/configFiles.ts';
import type { Model } from './model/model.ts';

const SETTLE_MS = 200;
const SEVERITIES = {
  error: vscode.DiagnosticSeverity.Error,
  warning: vscode.DiagnosticSeverity.Warning,
  info: vscode.DiagnosticSeverity.Information,
} as const;

/** Shows what is wrong in configuration files, as the backend finds it, on the files themselves. */
export class Diagnostics implements vscode.Disposable {
  private readonly collection = vscode.languages.createDiagnosticCollection('incus-agents');
  private readonly subscriptions: vscode.Disposable[];
  private readonly model: Model;
  private readonly backend: BackendApi;
  private readonly ready: () => Promise<void>;
  private readonly log: vscode.LogOutputChannel;
  private timer: NodeJS.Timeout | undefined;

  constructor(model: Model, backend: BackendApi, ready: () => Promise<void>, log: vscode.LogOutputChannel) {
    this.model = model;
    this.backend = backend;
    this.ready = ready;
    this.log = log;
    const look = (document: vscode.TextDocument): void => {
      if (document.uri.scheme === 'file' && isConfigFile(document.uri.fsPath)) this.later();
    };
    const watcher = vscode.workspace.createFileSystemWatcher('**/.coi/**/*.toml');
    const changed = (): void => {
      if (this.model.link.state === 'ready') this.later();
    };
    this.subscriptions = [
      this.collection,
      watcher,
      watcher.onDidChange(changed),
      watcher.onDidCreate(changed),
      watcher.onDidDelete(changed),
      vscode.workspace.onDidOpenTextDocument(look),
      vscode.workspace.onDidSaveTextDocument(look),
    ];
    for (const document of vscode.workspace.textDocuments) look(document);
  }

  private later(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), SETTLE_MS);
  }

  private async refresh(): Promise<void> {
    try {
      await this.ready();
      const folders = this.model.surroundings.folders;
      const shown = await Promise.all(
        folders.map(({ path }) => this.backend.request('config/show', { workspace: path })),
      );
      this.publish(shown.flatMap(({ problems }) => problems));
    } catch (error) {
      this.log.warn(
        `The configuration could not be checked: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  private publish(problems: readonly ConfigProblem[]): void {
    this.collection.clear();
    for (const [path, list] of problemsByPath(problems)) {
      this.collection.set(vscode.Uri.file(path), list.map(toDiagnostic));
    }
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
