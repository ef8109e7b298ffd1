import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { jsonSchema } from '../../../server/config/json-schema.ts';
import { HIDDEN, looksSecret } from '../../../server/config/redact.ts';
import { SCHEMA } from '../../../server/config/schema.ts';
import { desk } from './harness.ts';

test('values that look secret are hidden where they are shown, and there where they are used', async t => {
  const d = await desk(t);
  const real = 'sk-ant-0123456789';
  await d.user(`
[defaults.environment]
GITHUB_TOKEN = "abc"
PLAIN = "yes"
ODD = "${real}"
[defaults.env_commands]
X = "curl --token ${real} https://x.test"
[agents.mine]
command = ["mine"]
environment = { MY_API_KEY = "abc", MODE = "fast" }
`);
  const config = await d.load({ settings: { forwardEnv: ['SECRET_NAME'] } });
  const text = JSON.stringify(config.values());
  assert.ok(!text.includes(real) && !text.includes('"abc"'), text);
  const shown = (key: string) => config.values().find(value => value.key === key)?.value;
  assert.deepEqual(shown('defaults.environment'), { GITHUB_TOKEN: HIDDEN, PLAIN: 'yes', ODD: HIDDEN });
  assert.deepEqual(shown('defaults.forward_env'), ['SECRET_NAME']);
  assert.equal(config.get('defaults.environment').ODD, real);
  assert.equal(config.get('agents').mine?.environment.MY_API_KEY, 'abc');
  assert.deepEqual(
    config.values().map(value => value.key),
    [...SCHEMA.keys()],
  );
});

test('what looks secret and what does not', () => {
  for (const [name, value] of [
    ['DB_PASSWORD', 'x'],
    ['SSH_KEY', 'x'],
    ['A', 'ghp_abcdef'],
    ['A', 'postgres://me:pw@host/db'],
    ['A', 'Bearer abc'],
    ['A', '0123456789abcdef0123456789abcdef'],
  ] as const)
    assert.ok(looksSecret(name, value), `${name}=${value}`);
  for (const [name, value] of [
    ['EDITOR', 'vim'],
    ['GITHUB_TOKEN', ''],
    ['URL', 'https://host/path'],
    ['KEYBOARD', 'de'],
    ['NOTE', 'a long sentence of plain words that nobody needs to hide'],
  ] as const)
    assert.ok(!looksSecret(name, value), `${name}=${value}`);
});

test('the JSON Schemas in media/ are those of the keys', async () => {
  for (const form of ['config', 'profile'] as const) {
    const path = new URL(`../../../media/schema/${form}.schema.json`, import.meta.url);
    assert.deepEqual(JSON.parse(await readFile(path, 'utf8')), JSON.parse(JSON.stringify(jsonSchema(form))));
  }
});

test('every default passes the check of its key', () => {
  for (const spec of SCHEMA.values()) assert.deepEqual(spec.check.issues(spec.default), [], spec.key);
});
