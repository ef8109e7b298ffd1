import assert from 'node:assert/strict';
import { test } from 'node:test';
import { incusError, transportError } from '../../../server/incus/errors.ts';
import { IMAGE_MISSING } from '../../../server/protocol/errors.ts';

const ANSWERS: [status: number, text: string, kind: string, reason?: string][] = [
  [500, 'add record: UNIQUE constraint failed: instances.project_id, instances.name', 'conflict', 'exists'],
  [409, 'Alias "x" already exists', 'conflict', 'exists'],
  [400, 'Failed creating instance record: Instance is busy running a "create" operation', 'conflict', 'exists'],
  [400, 'Failed creating instance record: Instance is busy running a "start" operation.', 'conflict', 'exists'],
  [400, 'Instance is busy running a "stop" operation', 'conflict', 'busy'],
  [
    400,
    'Failed start validation for device "eth0": IP address "10.0.0.2" already defined on another NIC',
    'unavailable',
    'address-taken',
  ],
  [
    500,
    'Failed start validation for device "eth0": MAC address "02:1a:0a:00:00:02" already defined on another NIC',
    'unavailable',
    'address-taken',
  ],
  [412, "ETag doesn't match: a vs b", 'conflict', 'changed'],
  [500, 'Image not provided for instance creation', 'not-found', 'no-image'],
  [500, 'Failed creating instance from image: write x: no space left on device', 'unavailable', 'full'],
  [500, 'write: disk quota exceeded', 'unavailable', 'full'],
  [500, 'Unpack failed: exit status 2 (tar: rootfs/large: Wrote only 8192 of 10240 bytes', 'unavailable', 'full'],
  [400, 'Instance is protected', 'conflict'],
  [400, 'Instance is not running', 'conflict', 'not-running'],
  [400, 'Instance is frozen', 'conflict', 'frozen'],
  [400, 'Instance is running', 'conflict', 'is-running'],
  [500, 'Failed to retrieve PID of executing child process', 'unavailable', 'no-processes'],
  [400, 'Failed initializing instance: Host ID is in the range of subids', 'config', 'idmap'],
  [400, "Required idmapping abilities are required but aren't supported on system", 'unavailable', 'idmap'],
  [400, 'Failed to run: /usr/libexec/incus/incusd forkstart c d e: exit status 1', 'internal', 'start-failed'],
  [400, 'The network is currently in use', 'conflict', 'in-use'],
  [503, 'Daemon is starting up', 'unavailable', 'daemon'],
  [500, 'User does not have permissions for project "default"', 'permission'],
  [403, 'Forbidden', 'permission'],
  [400, 'status is "Running": context deadline exceeded', 'timeout'],
  [500, 'Invalid config: Unknown configuration key: x', 'config'],
  [500, 'Requested profile "x" doesn\'t exist', 'not-found'],
  [404, 'Not Found', 'not-found'],
  [400, 'cannot unmarshal number', 'invalid'],
  [500, 'Failed in user namespace', 'internal'],
  [500, '', 'internal'],
];

for (const [status, text, kind, reason] of ANSWERS)
  test(`"${text}" (${status}) is ${kind}${reason ? `, ${reason}` : ''}`, () => {
    const error = incusError('Doing it', status, text);
    assert.deepEqual([error.kind, error.reason, error.status], [kind, reason, status]);
    assert.match(error.message, /^Doing it failed: .*\.$/);
    assert.ok(error.hint, 'the next step');
  });

test('an image that has gone meanwhile is told in the way that a client asks about', () => {
  assert.equal(incusError('Creating', 500, 'Image not provided for instance creation').detail, IMAGE_MISSING);
});

test('errors of the socket', () => {
  const at = (code: string) => transportError('Asking', '/s', Object.assign(new Error('x'), { code })).kind;
  assert.deepEqual(['ENOENT', 'ECONNREFUSED', 'EACCES', 'ECONNRESET'].map(at), [
    'unavailable',
    'unavailable',
    'permission',
    'unavailable',
  ]);
  const wrapped = new Error('outer', { cause: Object.assign(new Error('x'), { code: 'EACCES' }) });
  assert.equal(transportError('Asking', '/s', wrapped).kind, 'permission');
});
