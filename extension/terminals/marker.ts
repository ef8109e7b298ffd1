import type { TerminalKind } from '../../server/protocol/methods.ts';

/** Which container a terminal shows, and as what. */
export interface TerminalKey {
  readonly container: string;
  readonly kind: TerminalKind;
}

const MARKER = /^INCUS_AGENTS_TERMINAL=([A-Za-z0-9][A-Za-z0-9-]{0,62})\/(agent|shell|root)$/;

/** Reads the marker from a process's arguments as /proc/<pid>/cmdline holds them, separated by NUL. */
export function keyFromCommandLine(commandLine: string): TerminalKey | undefined {
  for (const argument of commandLine.split('\0')) {
    const [, container, kind] = MARKER.exec(argument) ?? [];
    if (container !== undefined && kind !== undefined) return { container, kind: kind as TerminalKind };
  }
  return undefined;
}

/** Reads the marker from arguments. */
export function keyFromArguments(args: readonly string[]): TerminalKey | undefined {
  return keyFromCommandLine(args.join('\0'));
}

/** One string per terminal, to look it up by. */
export function keyText(key: TerminalKey): string {
  return `${key.container}/${key.kind}`;
}

/** The key that `keyText` wrote. */
export function keyFromText(text: string): TerminalKey | undefined {
  return keyFromArguments([`INCUS_AGENTS_TERMINAL=${text}`]);
}
