import * as vscode from 'vscode';
import type { SlotAttachResult, TerminalKind } from '../../server/protocol/methods.ts';
import type { BackendApi } from '../model/backendApi.ts';
import { ExtensionFailure } from '../model/failures.ts';
import type { Model } from '../model/model.ts';
import { agentIsGone } from '../model/selectors.ts';
import type { Settings } from '../settings.ts';
import { terminalColor } from '../views/appearance.ts';
import { workspaceName } from '../views/names.ts';
import { plain } from '../views/text.ts';
import { keyFromText, keyText, type TerminalKey } from './marker.ts';
import { readKey } from './readKey.ts';

/** The icons of terminals, as in their tabs. */
export const TERMINAL_ICONS: Readonly<Record<TerminalKind, string>> = {
  agent: 'robot',
  shell: 'terminal',
  root: 'terminal-linux',
};

/**
 * The terminals of slots: at most one per container and kind. Those that the editor brought back after a reload are
 * found again by the marker in their process's arguments. Closing a terminal only detaches.
 */
export class Terminals implements vscode.Disposable {
  private readonly known = new Map<string, vscode.Terminal>();
  private readonly opening = new Map<string, Promise<vscode.Terminal>>();
  /** Containers that ran without their agent, and terminals that may still show that it is gone though it is back. */
  private readonly gone = new Set<string>();
  private readonly stale = new Set<string>();
  private readonly adopting = new Set<Promise<void>>();
  private readonly adopted = new vscode.EventEmitter<TerminalKey>();
  private readonly shown = new vscode.EventEmitter<void>();
  private readonly subscriptions: { dispose(): void }[];
  private readonly model: Model;
  private readonly backend: BackendApi;
  private readonly settings: Settings;

  /** A terminal of ours was brought back by the editor. */
  readonly onDidAdopt = this.adopted.event;
  /** A terminal was given the focus. */
  readonly onDidShow = this.shown.event;

  constructor(model: Model, backend: BackendApi, settings: Settings) {
    this.model = model;
    this.backend = backend;
    this.settings = settings;
    this.subscriptions = [
      vscode.window.onDidOpenTerminal(terminal => this.startAdopting(terminal)),
      vscode.window.onDidCloseTerminal(terminal => this.forget(terminal)),
      model.onDidChange(({ slots }) => this.watchAgents(slots)),
    ];
  }

  /** Looks at the terminals that are there already. Called once, after everybody has subscribed. */
  adoptExisting(): void {
    for (const terminal of vscode.window.terminals) this.startAdopting(terminal);
  }

  /** Focuses a container's terminal of a kind, opening it if there is none. */
  async open(container: string, kind: TerminalKind, preserveFocus = false): Promise<void> {
    await Promise.all([...this.adopting]);
    const text = keyText({ container, kind });
    if (this.stale.delete(text)) this.end(text);
    const terminal = this.known.get(text) ?? (await this.openOnce(text, container, kind));
    terminal.show(preserveFocus);
    if (!preserveFocus) this.shown.fire();
  }

  /** What a terminal of a kind must run, as options for the editor. Fails with `untrusted` in restricted mode. */
  async options(container: string, kind: TerminalKind): Promise<vscode.TerminalOptions> {
    if (!vscode.workspace.isTrusted)
      throw new ExtensionFailure('untrusted', 'Terminals are not opened in restricted mode');
    const attach = await this.backend.request('slot/attach', { container, kind });
    return this.toOptions(container, kind, attach);
  }

  /** Whether a terminal of a kind is open. */
  has(container: string, kind: TerminalKind): boolean {
    return this.known.has(keyText({ container, kind }));
  }

  /** Closes a container's terminals; gives the kinds of those that were open. */
  close(container: string): TerminalKind[] {
    const kinds: TerminalKind[] = [];
    for (const text of [...this.known.keys()]) {
      const key = keyFromText(text);
      if (key?.container !== container) continue;
      kinds.push(key.kind);
      this.end(text);
    }
    return kinds;
  }

  /** The container that a terminal shows, if it is one of ours. */
  containerOf(terminal: vscode.Terminal | undefined): string | undefined {
    return this.keyOf(terminal)?.container;
  }

  /** The container whose agent a terminal shows. */
  agentOf(terminal: vscode.Terminal | undefined): string | undefined {
    const key = this.keyOf(terminal);
    return key?.kind === 'agent' ? key.container : undefined;
  }

  /** What a terminal shows, if it is one of ours. */
  keyOf(terminal: vscode.Terminal | undefined): TerminalKey | undefined {
    for (const [text, each] of this.known) if (each === terminal) return keyFromText(text);
    return undefined;
  }

  /** Not only once the editor says so is it no longer known: one that is opened meanwhile must be a new one. */
  private end(text: string): void {
    const terminal = this.known.get(text);
    this.known.delete(text);
    terminal?.dispose();
  }

  private watchAgents(containers: ReadonlySet<string>): void {
    for (const container of containers) {
      const slot = this.model.slot(container);
      if (slot !== undefined && agentIsGone(slot)) this.gone.add(container);
      else if (this.gone.delete(container)) this.stale.add(keyText({ container, kind: 'agent' }));
    }
  }

  private async openOnce(text: string, container: string, kind: TerminalKind): Promise<vscode.Terminal> {
    const running = this.opening.get(text) ?? this.create(text, container, kind);
    this.opening.set(text, running);
    try {
      return await running;
    } finally {
      this.opening.delete(text);
    }
  }

  private async create(text: string, container: string, kind: TerminalKind): Promise<vscode.Terminal> {
    const options = await this.options(container, kind);
    const terminal = vscode.window.createTerminal(options);
    this.known.set(text, terminal);
    return terminal;
  }

  private toOptions(container: string, kind: TerminalKind, attach: SlotAttachResult): vscode.TerminalOptions {
    const slot = this.model.slot(container);
    const location = this.settings.terminalLocation();
    return {
      name: this.nameOf(container, kind, attach.title),
      shellPath: attach.file,
      shellArgs: attach.args,
      env: attach.env,
      // Not that of settings, nor of other extensions, which name directories that an agent can write.
      strictEnv: true,
      cwd: attach.cwd,
      iconPath: new vscode.ThemeIcon(TERMINAL_ICONS[kind]),
      color: new vscode.ThemeColor(terminalColor(slot?.slot ?? 1)),
      ...(location === undefined ? {} : { location: LOCATIONS[location] }),
    };
  }

  private nameOf(container: string, kind: TerminalKind, title: string): string {
    const slot = this.model.slot(container);
    if (slot === undefined) return plain(title, 60);
    const role = kind === 'agent' ? plain(slot.agent, 30) : kind;
    // What differs comes first: lists of terminals are narrow.
    return `${role} ${slot.slot} · ${workspaceName(this.model, slot.workspace)}`;
  }

  private startAdopting(terminal: vscode.Terminal): void {
    if ([...this.known.values()].includes(terminal)) return;
    const work = this.adopt(terminal).finally(() => this.adopting.delete(work));
    this.adopting.add(work);
  }

  private async adopt(terminal: vscode.Terminal): Promise<void> {
    const key = await readKey(terminal);
    if (key === undefined || terminal.exitStatus !== undefined) return;
    const text = keyText(key);
    await this.opening.get(text)?.catch(() => undefined);
    const known = this.known.get(text);
    if (known === terminal) return;
    if (known !== undefined) {
      terminal.dispose();
      known.show(true);
      return;
    }
    this.known.set(text, terminal);
    this.adopted.fire(key);
  }

  private forget(terminal: vscode.Terminal): void {
    for (const [text, each] of this.known) {
      if (each !== terminal) continue;
      this.known.delete(text);
      this.stale.delete(text);
    }
  }

  dispose(): void {
    for (const subscription of this.subscriptions) subscription.dispose();
    this.adopted.dispose();
    this.shown.dispose();
  }
}

const LOCATIONS = { panel: vscode.TerminalLocation.Panel, editor: vscode.TerminalLocation.Editor } as const;
