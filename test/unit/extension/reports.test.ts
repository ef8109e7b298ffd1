import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachReport } from '../../../extension/views/reports.ts';

test('what an agent reaches names ports and sockets, and what is odd about them', () => {
  const text = reachReport('slot 1', {
    mounts: [],
    network: { mode: 'open' },
    limits: {},
    shared: ['a copy of /home/me/.netrc at /home/code/.netrc'],
    protection: [],
    forwards: [
      { ...{ listen: 'tcp:127.0.0.1:8080', connect: 'tcp:127.0.0.1:80' }, at: 'host', running: true, configured: true },
      { ...{ listen: 'unix:/a', connect: 'unix:/b' }, at: 'inside', running: false, configured: true },
      { ...{ listen: 'tcp:0.0.0.0:1', connect: 'tcp:127.0.0.1:2' }, at: 'host', running: true, configured: false },
    ],
  });
  assert.match(text, /^ {2}tcp:127\.0\.0\.1:8080 \(this computer\) → tcp:127\.0\.0\.1:80 \(inside\)$/m);
  assert.match(text, /^ {2}unix:\/a \(inside\) → unix:\/b \(this computer\), not running$/m);
  assert.match(text, /^ {2}tcp:0\.0\.0\.0:1 .*, not in the configuration$/m);
  assert.match(text, /^ {2}a copy of \/home\/me/m);
});
