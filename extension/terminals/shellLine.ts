const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Writes an argv as one line that a POSIX shell reads back as the same argv; for the clipboard only. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(quoted).join(' ');
}

function quoted(argument: string): string {
  return SAFE.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
