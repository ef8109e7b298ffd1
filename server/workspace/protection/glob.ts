import { Failure } from '../../base/errors.ts';
import { relativePath } from './beneath.ts';

/** Whether a cleaned relative path is meant. */
export type Matcher = (path: string) => boolean;

type Test = (text: string) => boolean;

const STAR = Symbol('any number, also none');
/** Alternatives that `{a,b}` may make of one pattern. */
const MOST_ALTERNATIVES = 64;
/** Characters of a pattern. */
const LONGEST = 1000;

/**
 * Patterns as in gitignore(5), with `{a,b}` besides: without a slash at any depth, else from the top; `x/**` means the directory itself too. A project
 * may name them, so each step of a match is done once: no pattern takes long. Fails with `isolation` for one that is not understood.
 */
export function compileGlobs(globs: readonly string[]): Matcher {
  const names: Test[] = [];
  const paths: (Test | typeof STAR)[][] = [];
  for (const pattern of globs.flatMap(alternatives)) {
    const whole = (relativePath(pattern) ?? pattern).replace(/(\/\*\*)+$/, '');
    if (whole.includes('/')) paths.push(whole.split('/').map(part => (part === '**' ? STAR : segment(part))));
    else names.push(segment(whole));
  }
  return path => {
    const parts = path.split('/');
    const name = parts.at(-1) ?? '';
    return names.some(test => test(name)) || paths.some(tests => matches(tests, parts));
  };
}

/** Whether tests accept items in their order; one retreat to the last star is enough. */
function matches<T>(tests: readonly (((item: T) => boolean) | typeof STAR)[], items: readonly T[]): boolean {
  let at = 0;
  let star = -1;
  let mark = 0;
  for (let i = 0; i < items.length; ) {
    const test = tests[at];
    if (test === STAR) {
      star = at++;
      mark = i;
    } else if (test?.(items[i] as T) === true) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1;
      i = ++mark;
    } else return false;
  }
  return tests.slice(at).every(test => test === STAR);
}

/** Whether a name is meant by a pattern without slashes. */
function segment(pattern: string): Test {
  if (!/[*?[\\]/.test(pattern)) return name => name === pattern;
  const [, end] = /^\*([^*?[\\]+)$/.exec(pattern) ?? [];
  if (end !== undefined) return name => name.endsWith(end);
  const tests = (pattern.match(/\*+|\?|\[[!^]?\]?[^\]]*\]|\\[\s\S]|[\s\S]/gu) ?? []).map(characterTest);
  return name => matches(tests, [...name]);
}

function characterTest(token: string): Test | typeof STAR {
  if (token.startsWith('*')) return STAR;
  if (token === '?') return () => true;
  if (token.length < 3 || !token.startsWith('[')) {
    const literal = token.length > 1 && token.startsWith('\\') ? token.slice(1) : token;
    return character => character === literal;
  }
  const inverted = /^\[[!^]/.test(token);
  const body = [...token.slice(inverted ? 2 : 1, -1)];
  return character => inClass(body, character) !== inverted;
}

function inClass(body: readonly string[], character: string): boolean {
  for (let i = 0; i < body.length; i++) {
    const [from = '', dash, to] = body.slice(i, i + 3);
    if (dash === '-' && to !== undefined) {
      if (from <= character && character <= to) return true;
      i += 2;
    } else if (from === character) return true;
  }
  return false;
}

function alternatives(glob: string): string[] {
  if (glob.length > LONGEST || /[?*+@!]\(/.test(glob)) throw misunderstood(glob);
  let found = [glob];
  for (let i = 0; i < found.length; ) {
    const [all = '', before = '', inner, after = ''] = /^(.*?)\{([^{}]*,[^{}]*)\}(.*)$/s.exec(found[i] ?? '') ?? [];
    if (all === '' || inner === undefined) i++;
    else found = [...found.slice(0, i), ...inner.split(',').map(one => before + one + after), ...found.slice(i + 1)];
    if (found.length > MOST_ALTERNATIVES) throw misunderstood(glob);
  }
  return found;
}

function misunderstood(glob: string): Failure {
  return new Failure('isolation', `The secret path ${glob} is a pattern that is not understood.`, {
    hint: 'Use *, **, ?, [a-z] and {a,b} in `[security] secret_paths`.',
  });
}
