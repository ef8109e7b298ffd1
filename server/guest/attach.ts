import { PROGRAM_PATH } from '../base/programs.ts';
import type { SlotAttachResult, TerminalKind } from '../protocol/methods.ts';
import type { GuestFiles } from './files.ts';
import { tmuxDirectory } from './start.ts';

/** Variables that lead these programs elsewhere, for clients that begin with an environment of their own. */
const MISLEADING = [
  ...['TMUX', 'TMUX_PANE', 'ENV', 'BASH_ENV', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT'],
  ...['PERL5OPT', 'PERL5LIB', 'PERLLIB', 'PERL5DB', 'INCUS_CONF', 'INCUS_REMOTE', 'INCUS_PROJECT'],
];

/** The word in a terminal's argv by which it is known again after a reload of the editor: `<this>=<container>/<kind>`. */
export const TERMINAL_MARKER = 'INCUS_AGENTS_TERMINAL';

export interface AttachOptions {
  container: string;
  project: string;
  kind: TerminalKind;
  /** Directory inside; `/` is used when it is missing. */
  cwd: string;
  uid: number;
  gid: number;
  home: string;
  /** Path of the `incus` program on the host. */
  incusBinary: string;
  /** Whether the container's tmux is in our own directory (ours), not in the default one (made by coi). */
  tmuxEnv: boolean;
}

/**
 * What the editor's terminal runs: the incus command line within a constant script. It ends with 0: after a detach, when its shell has
 * ended, and, with a sentence, when the container has stopped, paused or is gone.
 */
export function attachArgs(guest: GuestFiles, o: AttachOptions): Pick<SlotAttachResult, 'file' | 'args' | 'env'> {
  const marker = `${TERMINAL_MARKER}=${o.container}/${o.kind}`;
  const words = [o.incusBinary, o.project, o.container, o.kind, `${o.uid}`, `${o.gid}`, o.home, o.cwd];
  const tmux = o.tmuxEnv ? tmuxDirectory(o.home) : '';
  return {
    file: '/bin/sh',
    args: ['-c', guest.attach, marker, ...words, tmux, guest.filter],
    env: { PATH: PROGRAM_PATH, ...Object.fromEntries(MISLEADING.map(name => [name, null])) },
  };
}
