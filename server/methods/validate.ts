import { Failure } from '../base/errors.ts';

/** Longest text that a parameter may have (characters); a prompt or standard input may be long. */
const MAX_TEXT = 8 * 1024 * 1024;

/** Reads parameters of a request one by one; anything of a wrong type is `invalid`, naming the parameter. */
export class Params {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(params: unknown) {
    if (params === undefined || params === null) this.#values = {};
    else if (typeof params === 'object' && !Array.isArray(params)) this.#values = { ...params };
    else throw new Failure('invalid', 'The parameters must be an object with named values.');
  }

  /** Whether the parameter is there; null counts as absent. */
  has(name: string): boolean {
    return this.#values[name] !== undefined && this.#values[name] !== null;
  }

  string(name: string): string {
    const value = this.#values[name];
    if (typeof value !== 'string' || value === '') throw wrong(name, 'a text that is not empty');
    return bounded(name, value);
  }

  /** A text that may be empty. */
  text(name: string): string {
    const value = this.#values[name];
    if (typeof value !== 'string') throw wrong(name, 'a text');
    return bounded(name, value);
  }

  integer(name: string, least: number, most: number): number {
    const value = this.#values[name];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
      throw wrong(name, `a whole number from ${least} to ${most}`);
    }
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#values[name];
    if (typeof value !== 'boolean') throw wrong(name, 'true or false');
    return value;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = allowed.find(a => a === this.#values[name]);
    if (value === undefined) throw wrong(name, `one of ${allowed.join(', ')}`);
    return value;
  }

  strings(name: string): string[] {
    const value = this.#values[name];
    if (!Array.isArray(value) || !value.every(item => typeof item === 'string')) throw wrong(name, 'a list of texts');
    return value;
  }

  /** An object whose values are texts. */
  texts(name: string): Record<string, string> {
    const value = this.#values[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(name, 'named texts');
    const entries = Object.entries(value);
    if (!entries.every((e): e is [string, string] => typeof e[1] === 'string')) throw wrong(name, 'named texts');
    return Object.fromEntries(entries);
  }

  raw(name: string): unknown {
    return this.#values[name];
  }

  /** The value that `read` gives, or undefined when the parameter is absent. */
  optional<T>(name: string, read: (params: this) => T): T | undefined {
    return this.has(name) ? read(this) : undefined;
  }
}

function wrong(name: string, expected: string): Failure {
  return new Failure('invalid', `The parameter "${name}" must be ${expected}.`);
}

function bounded(name: string, value: string): string {
  if (value.length > MAX_TEXT)
    throw new Failure('invalid', `The parameter "${name}" is longer than ${MAX_TEXT} characters.`);
  return value;
}
