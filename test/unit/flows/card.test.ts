import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cards, cardFix } from '../../../server/flows/health/card.ts';
import type { Network } from '../../../server/incus/types/network.ts';

const network = (type: string): Network => ({
  ...{ name: 'br7', type, managed: true, description: '', config: {}, usedBy: [], status: 'Created' },
});
const fix = (more: Partial<Cards>) =>
  cardFix({ project: 'mine', card: undefined, network: undefined, bridge: 'absent', ...more }).command;

test('the commands for a card are the project’s, take nothing away, and stop where one fails', () => {
  const create = 'incus network create incusbr0 --project mine';
  const add = 'incus profile device add default eth0 nic network=incusbr0 --project mine';
  assert.equal(fix({}), `${create} && ${add}`);
  assert.equal(fix({ bridge: 'ready' }), add);
  const own = { type: 'nic', nictype: 'bridged', parent: 'br0', hwaddr: '00:16:3e:00:00:01' };
  const set = 'incus profile device set default lan nictype= parent= network=incusbr0 --project mine';
  assert.equal(fix({ card: ['lan', own] }), `${create} && ${set}`);
  assert.equal(fix({ card: ['lan', own], bridge: 'ready' }), set);
  // One that is there cannot be created, and nothing after `&&` would be done.
  const mend = 'incus network set incusbr0 ipv4.address=auto --project mine';
  assert.equal(fix({ card: ['lan', own], bridge: 'no-ipv4' }), `${mend} && ${set}`);
  assert.equal(fix({ bridge: 'no-ipv4' }), `${mend} && ${add}`);
  const ovn: Cards['card'] = ['eth0', { type: 'nic', network: 'br7' }];
  assert.equal(
    fix({ card: ovn, network: network('ovn'), bridge: 'ready' }),
    'incus profile device set default eth0 network=incusbr0 --project mine',
  );
  assert.equal(
    fix({ card: ovn, network: network('bridge') }),
    'incus network set br7 ipv4.address=auto --project mine',
  );
});
