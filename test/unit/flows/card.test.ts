import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Cards, cardFix } from '../../../server/flows/health/card.ts';
import type { Network } from '../../../server/incus/types/network.ts';

const network = (type: string): Network => ({
  ...{ name: 'br7', type, managed: true, description: '', config: {}, usedBy: [], status: 'Created' },
});
const fix = (more: Partial<Cards>) =>
  cardFix({ project: 'mine', card: undefined, network: undefined, bridge: false, ...more }).command;

test('the commands for a card are the project’s, take nothing away, and stop where one fails', () => {
  const create = 'incus network create incusbr0 --project mine';
  const add = 'incus profile device add default eth0 nic network=incusbr0 --project mine';
  assert.equal(fix({}), `${create} && ${add}`);
  assert.equal(fix({ bridge: true }), add);
  const own = { type: 'nic', nictype: 'bridged', parent: 'br0', hwaddr: '00:16:3e:00:00:01' };
  const set = 'incus profile device set default lan nictype= parent= network=incusbr0 --project mine';
  assert.equal(fix({ card: ['lan', own] }), `${create} && ${set}`);
  assert.equal(fix({ card: ['lan', own], bridge: true }), set);
  const ovn: Cards['card'] = ['eth0', { type: 'nic', network: 'br7' }];
  assert.equal(
    fix({ card: ovn, network: network('ovn'), bridge: true }),
    'incus profile device set default eth0 network=incusbr0 --project mine',
  );
  assert.equal(
    fix({ card: ovn, network: network('bridge') }),
    'incus network set br7 ipv4.address=auto --project mine',
  );
});
