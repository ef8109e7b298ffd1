import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { DEFAULT_AGENTS } from '../../../server/images/agents.ts';
import { makePlan } from '../../../server/images/plan.ts';
import { versionAlias, versionOf } from '../../../server/images/properties.ts';

const BARE = { prepared: false, apt: true, agents: [] };
const PREPARED = { prepared: true, apt: true, agents: ['claude'] };

const names = (plan: { phases: { name: string }[] }) => plan.phases.map(phase => phase.name).join(' ');

test('a bare base gets everything', () => {
  const plan = makePlan({ alias: 'a' }, BARE, []);
  assert.equal(names(plan), 'network packages user docker node agents finish');
  assert.deepEqual(plan.install, DEFAULT_AGENTS);
});

test('a recipe can leave things out', () => {
  const plan = makePlan({ alias: 'a', agents: ['none'], docker: false }, BARE, []);
  assert.equal(names(plan), 'network packages user finish');
  assert.deepEqual(plan.agents, []);
});

test('a prepared base gets what is missing', () => {
  const plan = makePlan({ alias: 'a', agents: ['claude', 'codex'], script: '/s', commands: ['x', 'y'] }, PREPARED, []);
  assert.equal(names(plan), 'network node agents script command-1 command-2 finish');
  assert.deepEqual(plan.install, ['codex']);
  assert.deepEqual(plan.agents, ['claude', 'codex']);
});

test('a prepared base needs no network for commands alone', () => {
  const plan = makePlan({ alias: 'a', commands: ['true'] }, PREPARED, ['own']);
  assert.equal(plan.phases.find(phase => phase.name === 'network')?.optional, true);
  assert.deepEqual(plan.agents, ['own', 'claude']);
  assert.equal(names(makePlan({ alias: 'a' }, PREPARED, [])), 'finish');
});

test('what cannot be built is refused', () => {
  const refused = (error: unknown) => error instanceof Failure && error.kind === 'config' && error.hint !== undefined;
  assert.throws(() => makePlan({ alias: 'a', agents: ['nobody'] }, BARE, []), refused);
  assert.throws(() => makePlan({ alias: 'a', agents: ['constructor'] }, BARE, []), refused);
  assert.throws(() => makePlan({ alias: 'a' }, { ...BARE, apt: false }, []), refused);
});

test('dated aliases are as coi writes them', () => {
  assert.equal(versionAlias('coi-default', new Date('2026-01-02T03:04:05.678Z')), 'coi-default-20260102-030405');
  assert.equal(versionOf('coi-default-20260102-030405'), 'coi-default');
  assert.equal(versionOf('coi-default'), undefined);
});
