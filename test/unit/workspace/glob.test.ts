import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileGlobs } from '../../../server/workspace/protection/glob.ts';
import { isFailure } from '../../incus/support.ts';

test('patterns mean what they mean in gitignore', () => {
  const cases: [string, string[], string[]][] = [
    ['.env', ['.env', 'a/.env', '.a/.env'], ['.envrc', 'x.env', '.env/x']],
    ['*.pem', ['a.pem', '.pem', 'a/.b/c.pem'], ['a.pem2', 'pem']],
    ['id_*_key?', ['id_rsa_key1', 'x/id__key2'], ['id_rsa_key', 'id_key1']],
    ['secrets/**', ['secrets', 'a/secrets'], ['secret']],
    [
      'conf/**/x*.json',
      ['conf/x.json', 'conf/a/b/xy.json', 'conf/.h/x1.json'],
      ['x.json', 'a/conf/x.json', 'conf/y.json'],
    ],
    ['./a/b', ['a/b'], ['b', 'x/a/b']],
    ['[a-c]?[!x]', ['abc', 'd/c1y'], ['dbc', 'abx']],
    ['*.{key,p12}', ['a.key', 'b/c.p12'], ['a.{key,p12}', 'a.pem']],
    ['a\\*', ['a*'], ['ab']],
    ['[', ['['], ['x']],
  ];
  for (const [glob, yes, no] of cases) {
    const matches = compileGlobs([glob]);
    for (const path of yes) assert.ok(matches(path), `${glob} means ${path}`);
    for (const path of no) assert.ok(!matches(path), `${glob} does not mean ${path}`);
  }
  assert.ok(!compileGlobs([])('x'));
});

test('what is not understood is refused rather than passed over', () => {
  for (const glob of ['+(a|b)', '{a,b}'.repeat(7), 'x'.repeat(1001)])
    assert.throws(() => compileGlobs([glob]), isFailure('isolation', /not understood/));
});

test('no pattern of a project takes long', () => {
  const matches = compileGlobs([`${'*a'.repeat(100)}b`, `${'**/a/'.repeat(100)}b`]);
  const begun = performance.now();
  for (let i = 0; i < 20; i++) assert.ok(!matches('a'.repeat(255)) && !matches('a/'.repeat(500)));
  assert.ok(performance.now() - begun < 1000);
});
