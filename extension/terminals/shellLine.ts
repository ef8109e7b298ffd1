const SAFE = /^[A-Za-z0-9_@%+=:,./-]+$/;

/** Writes an argv as one line that a POSIX shell reads back as the same argv; for the clipboard only. */
export function shellLine(argv: readonly string[]): string {
  return argv.map(quoted).join(' ');
}

/**
 * The same with changes to the environment that the program gets, by `env`; a null unsets a variable. Arguments that are the text of one of the
 * `files` (its path by its text) are read from there by the shell: nobody wants to paste a program.
 */
export function shellLineIn(
  env: Readonly<Record<string, string | null>>,
  argv: readonly string[],
  files: ReadonlyMap<string, string> = new Map(),
): string {
  const changes = Object.entries(env);
  const unset = changes.flatMap(([name, value]) => (value === null ? ['-u', name] : []));
  const set = changes.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
  const changed = changes.length === 0 ? '' : `${shellLine(['env', ...unset, ...set])} `;
  return changed + argv.map(argument => fromFile(files.get(argument)) ?? quoted(argument)).join(' ');
}

function fromFile(path: string | undefined): string | undefined {
  return path === undefined ? undefined : `"$(cat ${quoted(path)})"`;
}

function quoted(argument: string): string {
  return SAFE.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
