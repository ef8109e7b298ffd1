// What a run of tests failed of, short enough to stand at its end.

const MOST_LINES = 12;
const MOST_FAILURES = 20;

/**
 * The failures of a TAP report as Node writes it, each with its error and its place in the code; tests that failed only because of
 * those within them are left out.
 * @param {string} text
 * @returns {string[]}
 */
export function failures(text) {
  const lines = text.split('\n');
  const starts = lines.flatMap((line, index) => (/^ *not ok \d+ - /.test(line) ? [index] : []));
  return starts.map(start => failure(lines, start)).filter(told => told !== undefined);
}

/**
 * Those that are in both: a test that failed in one run and passed in the other has shown what it shows.
 * @param {string[]} first
 * @param {string[]} second
 * @returns {string[]}
 */
export function failedTwice(first, second) {
  const titleOf = told => told.split('\n', 1)[0];
  const before = new Set(first.map(titleOf));
  return second.filter(told => before.has(titleOf(told)));
}

/** The first of them, indented, with a word on how many more there are. */
export function failuresAtEnd(told) {
  const more = told.length > MOST_FAILURES ? [`… and ${told.length - MOST_FAILURES} more`] : [];
  return [...told.slice(0, MOST_FAILURES), ...more].map(one => one.replace(/^/gm, '  ')).join('\n');
}

function failure(lines, start) {
  const [, indent = '', name = ''] = /^( *)not ok \d+ - (.*)$/.exec(lines[start]) ?? [];
  const end = lines.indexOf(`${indent}  ...`, start);
  const block = lines.slice(start + 1, end < 0 ? start + 1 : end).map(line => line.slice(indent.length + 2));
  const value = key => block.find(line => line.startsWith(`${key}: `))?.slice(key.length + 2);
  if (value('failureType') === "'subtestsFailed'") return undefined;
  const place = value('location')?.replace(/^'|'$/g, '');
  const error = textOf(block, 'error').slice(0, MOST_LINES);
  const stack = textOf(block, 'stack').filter(line => line.includes('/test/') || line.includes('/server/'));
  const told = [...error, ...stack.slice(0, 4).map(line => `at ${line}`)];
  return [`${name}  (${place ?? 'no place'})`, ...told.map(line => `  ${line}`)].join('\n');
}

/** A value of one line, or the lines of a block, without those that say nothing. */
function textOf(block, key) {
  const at = block.findIndex(line => line.startsWith(`${key}: `));
  if (at < 0) return [];
  const first = block[at].slice(key.length + 2);
  if (first !== '|-') return [first.replace(/^'|'$/g, '')];
  const rest = block.slice(at + 1);
  const end = rest.findIndex(line => line !== '' && !line.startsWith('  '));
  return (end < 0 ? rest : rest.slice(0, end)).map(line => line.slice(2)).filter(line => line.trim() !== '');
}
