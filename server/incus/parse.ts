/** Defensive readers of JSON: a field of another type, which another version may bring, counts as absent. */

export type Json = Readonly<Record<string, unknown>>;

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function number(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

export function texts(value: unknown): string[] {
  return list(value).filter(item => typeof item === 'string');
}

/** A map of strings; values of other types are left out. */
export function stringMap(value: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object(value)).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

/** A map of maps of strings, such as devices. */
export function stringMaps(value: unknown): Record<string, Record<string, string>> {
  return Object.fromEntries(Object.entries(object(value)).map(([key, map]) => [key, stringMap(map)]));
}

/** A time of Incus; undefined for its "never" (year 1 or the epoch). */
export function time(value: unknown): string | undefined {
  const string = text(value);
  return string === '' || string.startsWith('0001-') || string.startsWith('1970-01-01T00:00:00') ? undefined : string;
}

/** `{key: value}`, or nothing when the value is undefined: for optional fields. */
export function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}
