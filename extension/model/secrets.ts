/** The key in the editor's secret storage for a secret's name. */
export function secretKey(name: string): string {
  return `secret:${name}`;
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
