import { readFile } from 'node:fs/promises';
import type * as vscode from 'vscode';
import { keyFromArguments, keyFromCommandLine, type TerminalKey } from './marker.ts';

/** What a terminal shows, by its options first (cheap, right for those made in this session), then by what its process really runs. */
export async function readKey(terminal: vscode.Terminal): Promise<TerminalKey | undefined> {
  const { creationOptions } = terminal;
  if ('shellArgs' in creationOptions && Array.isArray(creationOptions.shellArgs)) {
    const key = keyFromArguments(creationOptions.shellArgs);
    if (key !== undefined) return key;
  }
  const pid = await terminal.processId;
  if (pid === undefined) return undefined;
  try {
    return keyFromCommandLine(await readFile(`/proc/${pid}/cmdline`, 'utf8'));
  } catch {
    return undefined; // The process has ended; then there is nothing to adopt.
  }
}
