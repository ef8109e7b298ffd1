import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reachReport } from '../../../extension/views/reports.ts';
import type { SlotReach } from '../../../server/protocol/methods.ts';

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

test('what an agent reaches says whether its network was seen to hold', () => {
  const report = (network: SlotReach['network']) =>
    reachReport('slot 1', { mounts: [], network, limits: {}, shared: [], protection: [], privileged: false });
  const blocked = [{ host: '10.0.0.9:22', count: 2 }];
  const held = report({ mode: 'restricted', verified: 'held', blocked });
  assert.match(held, /^ {2}restricted; held/m);
  assert.match(held, /^Blocked so far\n {2}10\.0\.0\.9:22 \(2 ×\)$/m);
  assert.match(held, /^ {2}root inside is root on this machine: no$/m);
  assert.match(report({ mode: 'allowlist', verified: 'open', allowed: [] }), /^ {2}allowlist; NOT HELD/m);
  assert.match(report({ mode: 'open', verified: 'unknown' }), /^ {2}open$/m);
});
