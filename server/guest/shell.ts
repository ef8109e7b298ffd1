import { Failure } from '../base/errors.ts';
import { quote } from '../base/shell.ts';

/** Shell lines that export variables. Fails with `config` for a name that is none, or a value with NUL. */
export function exportLines(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => {
      if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
        throw new Failure('config', `${JSON.stringify(name)} is not the name of an environment variable.`, {
          hint: 'Use letters, digits and _ only.',
        });
      if (value.includes('\0')) throw new Failure('config', `The value of ${name} contains a NUL character.`);
      return `export ${name}=${quote(value)}\n`;
    })
    .join('');
}
