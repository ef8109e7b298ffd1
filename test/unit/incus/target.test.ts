import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findSocket } from '../../../server/incus/target.ts';

test('what is named is taken, in this order, existing or not', async () => {
  const env = { INCUS_SOCKET: '/b', INCUS_DIR: '/c' };
  assert.equal(await findSocket('/a', env), '/a');
  assert.equal(await findSocket('', env), '/b');
  assert.equal(await findSocket(undefined, env), '/b');
  assert.equal(await findSocket(undefined, { INCUS_DIR: '/c' }), '/c/unix.socket');
});

test('else one of the usual places', async () => {
  assert.match(await findSocket(undefined, {}), /^\/(run|var\/lib)\/incus\/unix\.socket(\.user)?$/);
});
