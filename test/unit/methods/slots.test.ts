import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import type { RequestContext } from '../../../server/flows/context.ts';
import type { FlowDeps } from '../../../server/flows/deps.ts';
import { slotHandlers } from '../../../server/methods/slots.ts';

test('a prompt that no command line can carry is refused before anything is looked at', async () => {
  const reached = new Error('it is looked at');
  const deps = { ready: () => Promise.reject(reached) } as unknown as FlowDeps;
  const context = { progress: () => {} } as unknown as RequestContext;
  const open = (prompt: string) => slotHandlers(deps)['slot/open']?.({ workspace: '/w', prompt }, context);
  const tooLong = (error: unknown) =>
    error instanceof Failure && error.kind === 'invalid' && /101 KiB/.test(error.message) && error.hint !== undefined;
  await assert.rejects(async () => open('x'.repeat(100 * 1024)), reached);
  await assert.rejects(async () => open('x'.repeat(100 * 1024 + 1)), tooLong);
  await assert.rejects(async () => open('\u20ac'.repeat(34_200)), tooLong);
});
