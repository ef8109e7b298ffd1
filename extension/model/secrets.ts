/** The key in the editor's secret storage for a secret's name. */
export function secretKey(name: string): string {
  return `secret:${name}`;
}

/** What a secret may be called, as the configuration files take it: a line of text. */
export const SECRET_NAME = /^[^\0-\x1f\x7f]+$/;

/** Knows which secrets the backend asked for in vain, so that a failure for want of one can lead to where it is stored. */
export class MissingSecrets {
  private readonly names = new Set<string>();

  /** Notes what was found under a name. */
  note(name: string, value: string | undefined): void {
    if (value === undefined) this.names.add(name);
    else this.names.delete(name);
  }

  /** The name among them that a failure tells of. */
  namedIn(message: string): string | undefined {
    return [...this.names].find(name => message.includes(`the secret "${name}"`));
  }
}

/** The values of the named variables, and of no others; those that are not set are left out. */
export function pickEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
  names: readonly string[],
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined) values[name] = value;
  }
  return values;
}
