import { realpath, stat } from 'node:fs/promises';
import * as vscode from 'vscode';
import type { Model } from '../model/model.ts';
import { asOpened, contains, findPaths, type HostPath, toHostPath } from './paths.ts';
import type { Terminals } from './terminals.ts';

/** A link to a host file at a place. */
class FileLink extends vscode.TerminalLink {
  readonly host: HostPath;
  readonly workspace: string;
  readonly position: vscode.Position;

  constructor(start: number, length: number, host: HostPath, workspace: string, position: vscode.Position) {
    super(start, length, 'Open file');
    this.host = host;
    this.workspace = workspace;
    this.position = position;
  }
}

/** Turns paths inside a container into links to the host's files. What leaves its mount by a symlink is no link. */
export class ContainerLinks implements vscode.TerminalLinkProvider<FileLink> {
  private readonly model: Model;
  private readonly terminals: Terminals;

  constructor(model: Model, terminals: Terminals) {
    this.model = model;
    this.terminals = terminals;
  }

  async provideTerminalLinks(context: vscode.TerminalLinkContext): Promise<FileLink[]> {
    const container = this.terminals.containerOf(context.terminal);
    const slot = container === undefined ? undefined : this.model.slot(container);
    if (slot === undefined) return [];
    const workspace = await realPath(slot.workspace);
    const links = findPaths(context.line).map(async found => {
      const host = toHostPath(found.path, slot.mounts, workspace);
      if (host === undefined || (await checkedFile(host)) === undefined) return undefined;
      const position = new vscode.Position(Math.max(0, (found.line ?? 1) - 1), Math.max(0, (found.column ?? 1) - 1));
      return new FileLink(found.start, found.length, host, slot.workspace, position);
    });
    return apart((await Promise.all(links)).filter(link => link !== undefined));
  }

  /** Checked again, since what was a file when the link was drawn may be a symlink by now. */
  async handleTerminalLink(link: FileLink): Promise<void> {
    const path = await checkedFile(link.host);
    if (path === undefined) {
      void vscode.window.showWarningMessage(
        'The file is gone, or leads out of what the slot shares with this machine.',
      );
      return;
    }
    const selection = new vscode.Range(link.position, link.position);
    await vscode.window.showTextDocument(vscode.Uri.file(await spelled(path, link.workspace)), {
      selection,
      preview: true,
    });
  }
}

/** Those that do not lie over an earlier one, which is longer. */
function apart(links: readonly FileLink[]): FileLink[] {
  const ends = (link: FileLink): number => link.startIndex + link.length;
  const kept: FileLink[] = [];
  for (const link of links)
    if (kept.every(other => link.startIndex >= ends(other) || ends(link) <= other.startIndex)) kept.push(link);
  return kept;
}

/** The real path of a regular file that stays inside its mount's source; `undefined` otherwise. */
async function checkedFile(host: HostPath): Promise<string | undefined> {
  try {
    const [real, root] = await Promise.all([realpath(host.path), realpath(host.mount.source)]);
    if (!contains(root, real)) return undefined;
    return (await stat(real)).isFile() ? real : undefined;
  } catch {
    return undefined; // Most words that look like paths name nothing.
  }
}

/** The same file below the folder that is open, so that it is not shown a second time under another path. */
async function spelled(path: string, workspace: string): Promise<string> {
  const opened = asOpened(path, workspace, await realPath(workspace));
  return (await realPath(opened)) === path ? opened : path;
}

/** The path itself where nothing is there. */
async function realPath(path: string): Promise<string> {
  return realpath(path).catch(() => path);
}
