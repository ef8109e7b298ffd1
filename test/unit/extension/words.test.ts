import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toBackendError } from '../../../extension/backend/errors.ts';
import { closingConsequence } from '../../../extension/commands/stays.ts';
import { isConfigFile, problemsByPath, settingsProblems } from '../../../extension/model/configFiles.ts';
import { ExtensionFailure, failureOf, isImageMissing, throwTogether } from '../../../extension/model/failures.ts';
import { nextStep } from '../../../extension/model/nextStep.ts';
import { remedyOf } from '../../../extension/model/remedies.ts';
import { pickEnvironment } from '../../../extension/model/secrets.ts';
import { conditionWords } from '../../../extension/views/appearance.ts';
import { badgeOf, summaryOf } from '../../../extension/views/summary.ts';
import { shouldTell, Transitions } from '../../../extension/views/transitions.ts';
import { viewMessage, welcomeCase } from '../../../extension/views/welcome.ts';
import type { HealthFix, IncusState, Slot } from '../../../server/protocol/types.ts';
import { aModel, aSlot } from './samples.ts';

function inState(state: Slot['agentState']['state']): Slot {
  return aSlot({ agentState: { state, since: '2026-01-01T10:00:00Z' } });
}

describe('the question before a slot is closed', () => {
  it('is asked of a kept container only in the middle of a turn, and of one that is deleted unless that is turned off', () => {
    const kept = (state: Slot['agentState']['state']) => [{ ...inState(state), persistent: true }];
    assert.match(closingConsequence(kept('working'), false) ?? '', /in the middle of its work/);
    assert.match(closingConsequence(kept('waiting'), true) ?? '', /in the middle of its work/);
    assert.equal(closingConsequence(kept('idle'), true), undefined);
    assert.match(closingConsequence([inState('idle')], true) ?? '', /deleted/);
    assert.equal(closingConsequence([inState('idle')], false), undefined);
    assert.match(closingConsequence([...kept('idle'), inState('idle')], false) ?? '', /persistent ones are kept/);
  });
});

describe('welcome', () => {
  it('names the first thing that is missing', () => {
    const model = aModel([]);
    assert.equal(welcomeCase(model), 'empty');
    model.setSurroundings({ imageMissing: true });
    assert.equal(welcomeCase(model), 'imageMissing');
    model.setSurroundings({ trusted: false });
    assert.equal(welcomeCase(model), 'untrusted');
    model.setSurroundings({ folders: [] });
    assert.equal(welcomeCase(model), 'noFolder');
    model.applyChange({ revision: 2, incus: { status: 'unavailable', reason: 'no-permission' } });
    assert.equal(welcomeCase(model), 'noPermission');
    model.applyChange({ revision: 3, incus: { status: 'unavailable', reason: 'no-project' } });
    assert.equal(welcomeCase(model), 'noProject');
    for (const reason of ['of a newer backend', 'toString', undefined]) {
      const incus = { status: 'unavailable', ...(reason === undefined ? {} : { reason }) } as IncusState;
      assert.equal(
        welcomeCase({ surroundings: model.surroundings, link: model.link, loaded: true, incus }),
        'unavailable',
      );
    }
    model.setLink({ state: 'failed', message: 'it ended', action: 'restart' });
    assert.equal(welcomeCase(model), 'backendFailed');
    assert.equal(viewMessage(model, true), undefined);
    assert.match(viewMessage(model, false) ?? '', /Restart Backend.*it ended/);
    model.setLink({ state: 'failed', message: 'It was updated. Reload Window', action: 'reload' });
    assert.equal(welcomeCase(model), 'reloadNeeded');
    assert.match(viewMessage(model, false) ?? '', /^(?!.*Restart Backend).*Reload Window/);
    model.setSurroundings({ linux: false });
    assert.equal(welcomeCase(model), 'notLinux');
  });

  it('says above the rows that they may be out of date', () => {
    const model = aModel([aSlot()]);
    assert.equal(viewMessage(model, false), undefined);
    model.setLink({ state: 'reconnecting' });
    assert.match(viewMessage(model, false) ?? '', /out of date/);
  });

  it('says above the rows why no slot can be opened', () => {
    const model = aModel([aSlot()]);
    model.setSurroundings({ trusted: false });
    assert.match(viewMessage(model, false) ?? '', /^Restricted mode/);
    assert.equal(viewMessage(model, true), undefined, 'the welcome text says it');
    model.setSurroundings({ folders: [] });
    assert.match(viewMessage(model, false) ?? '', /^Open the folder/);
  });
});

describe('summary', () => {
  it('counts what works and waits', () => {
    const model = aModel([inState('working'), { ...inState('waiting'), container: 'b', slot: 2 }]);
    assert.equal(summaryOf(model).text, '$(bell-dot) 1 working · 1 waiting');
    assert.deepEqual(badgeOf(model), { value: 1, tooltip: '1 agent wants you' });
  });

  it('says of quiet agents only what is known', () => {
    assert.equal(summaryOf(aModel([inState('idle')])).text, '$(vm) 1 idle');
    assert.equal(summaryOf(aModel([inState('unknown')])).text, '$(vm) 1 running');
  });

  it('has no badge when nobody wants the user, and none for other workspaces', () => {
    assert.equal(badgeOf(aModel([inState('idle')])), undefined);
    assert.equal(badgeOf(aModel([{ ...inState('waiting'), workspace: '/other' }])), undefined);
  });
});

describe('transitions', () => {
  it('are announced once, with folder, slot and agent', () => {
    const transitions = new Transitions(() => 'project slot 1');
    assert.equal(transitions.note('c', inState('waiting')), undefined);
    assert.equal(transitions.note('c', inState('working')), undefined);
    assert.equal(transitions.note('c', inState('waiting'))?.message, 'claude in project slot 1 is waiting for you');
    assert.equal(transitions.note('c', inState('waiting')), undefined);
  });

  it('are not told again after a backend began anew or a pause, unless it is another question', () => {
    const transitions = new Transitions(() => 'project slot 1');
    const waiting = inState('waiting');
    transitions.note('c', inState('working'));
    assert.ok(transitions.note('c', waiting));
    for (const between of [inState('unknown'), { ...waiting, status: 'paused' as const }]) {
      assert.equal(transitions.note('c', between), undefined);
      assert.equal(transitions.note('c', waiting), undefined);
    }
    const read = aSlot({ agentState: { state: 'waiting', since: '2026-01-01T10:00:01Z' } });
    transitions.note('c', inState('unknown'));
    assert.equal(transitions.note('c', read), undefined, 'the same question');
    transitions.note('c', inState('unknown'));
    const later = aSlot({ agentState: { state: 'waiting', since: '2026-01-01T11:00:00Z' } });
    assert.ok(transitions.note('c', later));
  });

  it('are told of a slot that asks as soon as it has started', () => {
    const transitions = new Transitions(() => 'project slot 1');
    assert.equal(transitions.note('c', aSlot({ status: 'creating' })), undefined);
    assert.equal(transitions.note('c', inState('unknown')), undefined);
    assert.ok(transitions.note('c', inState('waiting')));
  });

  it('give the reason of a failure', () => {
    const transitions = new Transitions(() => 'project slot 1');
    transitions.note('c', inState('working'));
    const failed = aSlot({ agentState: { state: 'failed', since: '', why: 'It ended with code 3.' } });
    assert.match(transitions.note('c', failed)?.message ?? '', /failed: It ended with code 3\.$/);
    assert.equal(conditionWords(failed, undefined), 'failed: It ended with code 3.');
  });

  it('are a turn that ends, and a failure, but not a stop', () => {
    const transitions = new Transitions(() => 'project slot 1');
    transitions.note('c', inState('working'));
    assert.match(transitions.note('c', inState('idle'))?.message ?? '', /finished its turn/);
    assert.match(transitions.note('c', aSlot({ status: 'failed' }))?.message ?? '', /failed/);
    assert.equal(transitions.note('c', aSlot({ status: 'stopped' })), undefined);
  });

  it('are told as the setting says, never for the terminal in front', () => {
    assert.equal(shouldTell('off', false, false), false);
    assert.equal(shouldTell('unfocused', true, false), false);
    assert.equal(shouldTell('unfocused', false, true), true);
    assert.equal(shouldTell('always', true, false), true);
    assert.equal(shouldTell('always', true, true), false);
  });
});

describe('failures', () => {
  it('keep what the contract says of them', () => {
    const reply = Object.assign(new Error('No'), {
      code: -31002,
      data: { kind: 'permission', hint: 'Join the group' },
    });
    assert.deepEqual([failureOf(reply).kind, failureOf(reply).hint], ['permission', 'Join the group']);
    assert.equal(failureOf(Object.assign(new Error('No'), { kind: 'conflict' })).kind, 'conflict');
    assert.equal(failureOf(Object.assign(new Error('x'), { code: -32800 })).kind, 'cancelled');
    assert.equal(failureOf(new DOMException('x', 'AbortError')).kind, 'cancelled');
    assert.equal(failureOf('odd').kind, 'internal');
  });

  it('of several things are told together, after all were tried', async () => {
    const results = await Promise.allSettled([
      Promise.reject(new ExtensionFailure('conflict', 'It is live.', 'Close its slot first.')),
      Promise.resolve(),
      Promise.reject(new ExtensionFailure('cancelled', 'Cancelled')),
      Promise.reject(new ExtensionFailure('not-found', 'It is gone.')),
    ]);
    const thrown = (some: PromiseSettledResult<unknown>[]) => {
      try {
        throwTogether(some, ['one', 'two', 'three', 'four']);
      } catch (error) {
        return failureOf(error);
      }
      return undefined;
    };
    const { kind, message, hint } = thrown(results) ?? {};
    assert.deepEqual(
      [kind, message, hint],
      ['conflict', '2 of 4 failed. one: It is live.; four: It is gone.', 'Close its slot first.'],
    );
    assert.equal(thrown(results.slice(0, 1))?.message, 'It is live.');
    assert.equal(thrown(results.slice(1, 3)), undefined);
  });

  it('know a missing image', () => {
    const image = { alias: 'x', buildable: true };
    const data = { kind: 'not-found', detail: 'image-missing', image };
    const missing = toBackendError(Object.assign(new Error('No'), { code: -31003, data }));
    assert.ok(isImageMissing(failureOf(missing)));
    assert.deepEqual(failureOf(missing).image, image);
    assert.ok(!isImageMissing(failureOf(new ExtensionFailure('not-found', 'There is no folder /home/u/image'))));
  });
});

describe('the next step after a failure', () => {
  it('is one that can be done while there is no backend', () => {
    const model = aModel([]);
    const title = () => nextStep('unavailable', model)?.title;
    assert.equal(title(), 'Check Health');
    model.setLink({ state: 'failed', message: 'it ended', action: 'restart' });
    assert.equal(title(), 'Restart Backend');
    model.setLink({ state: 'failed', message: 'it was updated', action: 'reload' });
    assert.equal(title(), 'Reload Window');
    model.setLink({ state: 'idle' });
    model.setSurroundings({ linux: false });
    assert.equal(title(), undefined);
  });

  it('of a secret that is not there is to store it, under its name', () => {
    const step = { title: 'Store Secret…', command: 'incusAgents.storeSecret', text: 'my-key' };
    const reply = Object.assign(new Error('x'), { code: -31006, data: { kind: 'config', secret: 'my-key' } });
    const { kind, secret } = failureOf(toBackendError(reply));
    assert.deepEqual(nextStep(kind, aModel([]), secret), step);
    assert.equal(nextStep(kind, aModel([]))?.title, 'Show Configuration');
  });

  it('of what is not trusted is the trust that is missing', () => {
    const model = aModel([]);
    assert.equal(nextStep('untrusted', model)?.title, 'Trust Workspace Configuration…');
    model.setSurroundings({ trusted: false });
    assert.equal(nextStep('untrusted', model)?.title, 'Manage Workspace Trust');
  });
});

describe('remedies of the health check', () => {
  it('have a button only where there is something that it can do', () => {
    const button = (fix: HealthFix) => remedyOf(fix)?.button;
    assert.equal(button({ title: 'Install it', command: 'sudo apt install x' }), 'Copy Command');
    assert.equal(button({ title: 'Remove them', action: 'mend' }), 'Fix');
    assert.deepEqual(remedyOf({ title: 'Build it', action: 'build-image', image: 'x' }), {
      button: 'Build Image',
      does: 'build',
      image: 'x',
    });
    assert.equal(button({ title: 'Update nftables' }), undefined);
  });
});

describe('small parts', () => {
  it('gives only the variables that are asked for', () => {
    assert.deepEqual(pickEnvironment({ A: '1', B: '2' }, ['A', 'C']), { A: '1' });
  });

  it('knows configuration files, and each problem once', () => {
    assert.ok(isConfigFile('/p/.coi/config.toml'));
    assert.ok(isConfigFile('/home/me/.config/coi/config.toml'));
    assert.ok(!isConfigFile('/p/Cargo.toml'));
    const problem = { path: '/a', line: 1, column: 1, severity: 'error', message: 'x' } as const;
    const ofSettings = { ...problem, path: 'settings.json', message: 'incusAgents.agent is wrong.' };
    const byPath = problemsByPath([problem, { ...problem }, ofSettings]);
    assert.deepEqual([[...byPath.keys()], byPath.get('/a')?.length], [['/a'], 1]);
    assert.deepEqual(settingsProblems([problem, ofSettings, { ...ofSettings }]), ['incusAgents.agent is wrong.']);
  });
});
