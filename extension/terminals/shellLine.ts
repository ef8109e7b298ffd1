const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Writes an argv as one line that a POSIX shell reads back as the same argv; for the clipboard only. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(quoted).join(' ');
}

/** The same with changes to the environment that the program gets, by `env`; a null unsets a variable. */
export function shellLineIn(env: Readonly<Record<string, string | null>>, argv: readonly string[]): string {
  const changes = Object.entries(env);
  if (changes.length === 0) return shellLine(argv);
  const unset = changes.flatMap(([name, value]) => (value === null ? ['-u', name] : []));
  const set = changes.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
  return shellLine(['env', ...unset, ...set, ...argv]);
}

function quoted(argument: string): string {
  return SAFE.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
