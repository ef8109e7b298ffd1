import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { dropCommand, hookLines, withHookLines } from '../../../server/network/hook.ts';
import { checkPolicy } from '../../../server/network/plan.ts';
import { recordedPolicy, recordPolicy } from '../../../server/network/record.ts';
import { parseRefused } from '../../../server/network/refused.ts';
import { rulesOf } from '../../../server/network/rules.ts';
import type { Policy } from '../../../server/network/types.ts';
import { hookLines as protectionLines } from '../../../server/workspace/protection/hooks.ts';

const place = { bridge: 'br0', address: '10.9.8.7', gateway: '10.9.8.1', subnet: '10.9.8.0/24' };

function policy(change: Partial<Policy> = {}): Policy {
  const flags = { blockPrivate: true, blockMetadata: true, allowLocal: false };
  return { mode: 'restricted', allow: [], resolvers: [], ports: [], hosts: [], ...flags, ...change };
}

const outward = (change: Partial<Policy> = {}) => rulesOf(policy(change), place).outward;

describe('the rules of a policy', () => {
  it('leave the internet and close the rest, by default', () => {
    const rules = outward();
    assert.equal(rules[0], 'jump strict');
    assert.equal(rules.at(-1), 'accept');
    const closed = ['10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.168.0.0/16', '169.254.0.0/16', place.subnet];
    for (const range of closed)
      assert.ok(
        rules.some(rule => rule.startsWith(`ip daddr ${range} goto refuse`)),
        range,
      );
    assert.ok(rules.some(rule => rule.startsWith('fib daddr type != unicast goto refuse')));
  });

  it('look at the host before private ranges, and at exceptions before both', () => {
    const rules = outward({ hosts: [{ ip: '10.1.1.1', hostnames: ['db'], ports: [5432] }] });
    const at = (start: string) => rules.findIndex(rule => rule.startsWith(start));
    assert.ok(at('ip daddr 10.1.1.1 meta l4proto { tcp, udp } th dport { 5432 } accept') < at('fib daddr'));
    assert.ok(at('fib daddr') < at('ip daddr 10.0.0.0/8'));
  });

  it('are none but the own address when all is open', () => {
    assert.deepEqual(outward({ mode: 'open' }), ['accept']);
    assert.deepEqual(rulesOf(policy({ mode: 'open' }), place).inward, []);
  });

  it('end with no in allow-list mode, and give no resolver', () => {
    const rules = outward({ mode: 'allowlist', allow: ['example.org', '203.0.113.0/24:22,80-90', '198.51.100.7'] });
    assert.match(rules.at(-1) ?? '', /^goto refuse/);
    assert.ok(!rules.some(rule => rule.includes('dport 53')));
    assert.ok(rules.includes('ip daddr 203.0.113.0/24 meta l4proto { tcp, udp } th dport { 22, 80-90 } accept'));
    assert.ok(rules.includes('ip daddr 198.51.100.7 accept'));
    assert.ok(!rules.some(rule => rule.includes('example')));
  });

  it('keep metadata, the host and other slots closed where the local network is permitted', () => {
    const rules = outward({ allowLocal: true });
    assert.ok(!rules.some(rule => rule.startsWith('ip daddr 10.0.0.0/8')));
    for (const start of [`ip daddr ${place.subnet} goto refuse`, 'ip daddr 169.254.0.0/16 goto refuse', 'fib daddr'])
      assert.ok(
        rules.some(rule => rule.startsWith(start)),
        start,
      );
  });

  it('leave one way to names where the resolvers are named', () => {
    const rules = outward({ resolvers: ['192.0.2.53'] });
    assert.ok(!rules.some(rule => rule.startsWith(`ip daddr ${place.gateway} meta l4proto`)));
    const yes = rules.indexOf('ip daddr { 192.0.2.53 } meta l4proto { tcp, udp } th dport 53 accept');
    const no = rules.findIndex(rule => rule.startsWith('meta l4proto { tcp, udp } th dport { 53, 853 } goto refuse'));
    assert.ok(yes > 0 && yes < no);
  });

  it('leave only named ports where some are named', () => {
    const rules = outward({ ports: [80, 443] });
    assert.ok(rules.includes('meta l4proto { tcp, udp } th dport { 80, 443 } accept'));
    assert.match(rules.at(-1) ?? '', /^goto refuse/);
  });

  it('leave only named ports of an allow-list too', () => {
    const allow = ['203.0.113.0/24', '198.51.100.7:22', '198.51.100.8:80-90,443'];
    const rules = outward({ mode: 'allowlist', allow, ports: [80, 443] }).filter(rule =>
      /^ip daddr (203|198)/.test(rule),
    );
    assert.deepEqual(rules, [
      'ip daddr 203.0.113.0/24 meta l4proto { tcp, udp } th dport { 80, 443 } accept',
      'ip daddr 198.51.100.8 meta l4proto { tcp, udp } th dport { 80, 443 } accept',
    ]);
  });

  it('let a resolver in a private network be asked, and nothing else of it', () => {
    const rules = outward({ resolvers: ['192.168.1.53', '9.9.9.9'] });
    const at = (start: string) => rules.findIndex(rule => rule.startsWith(start));
    const ask = at('ip daddr { 192.168.1.53, 9.9.9.9 } meta l4proto { tcp, udp } th dport 53 accept');
    assert.ok(ask > at('fib daddr type != unicast'), 'after the host itself');
    assert.ok(ask > at(`ip daddr ${place.subnet} goto refuse`), 'after other slots');
    assert.ok(ask < at('ip daddr 192.168.0.0/16 goto refuse'));
  });
});

describe('a policy', () => {
  it('does not let private networks in by the allow-list alone', () => {
    const wanted = policy({ mode: 'allowlist', allow: ['10.1.2.0/24'] });
    assert.throws(() => checkPolicy(wanted), /10\.1\.2\.0\/24/);
    checkPolicy({ ...wanted, allowLocal: true });
    checkPolicy({ ...wanted, mode: 'restricted' });
  });

  it('is read back as it was written, and nothing else is', () => {
    const wanted = policy({ hosts: [{ ip: '10.1.1.1', hostnames: ['db'], ports: [1] }], ports: [443] });
    assert.deepEqual(recordedPolicy(recordPolicy(wanted)), wanted);
    const broken = [undefined, '', '[]', '{"mode":"open"}', recordPolicy({ ...wanted, ports: [1.5] })];
    for (const text of broken) assert.equal(recordedPolicy(text), undefined, text);
  });
});

describe('the lines for LXC', () => {
  const lines = hookLines('coi-01234567-1', place, rulesOf(policy(), place));

  it('are one line each', () => {
    assert.deepEqual(
      lines.split('\n').map(line => line.split(' ')[0]),
      ['lxc.hook.pre-start', 'lxc.hook.stop', 'lxc.hook.post-stop'],
    );
  });

  it('are exchanged in their place, and no other line is touched', () => {
    const guard = 'lxc.hook.pre-start = /bin/sh -c x';
    const instance = 'coi-01234567-1';
    const tree = {
      device: 'workspace',
      path: '/workspace',
      source: '/w',
      identity: '1',
      uid: 1000,
      gid: 1000,
      items: [],
    };
    const o = { instance, owner: '1000:1000', flags: true, incusDir: '/i', refused: dropCommand(instance) };
    const protection = protectionLines([tree], o);
    const changed = hookLines(instance, place, rulesOf(policy({ mode: 'open' }), place), true);
    const text = [guard, lines, protection].join('\n');
    assert.equal(withHookLines(text, changed), [guard, changed, protection].join('\n'));
    assert.equal(withHookLines([guard, protection].join('\n'), changed), [changed, guard, protection].join('\n'));
  });
});

describe('the addresses that were refused', () => {
  it('are read as nft writes them, most frequent first', () => {
    const text = `table netdev incus-agents-coi-01234567-1 {
	set refused {
		type ipv4_addr . inet_proto . inet_service
		size 256
		flags dynamic
		elements = { 224.0.0.251 . udp . 5353 counter packets 9 bytes 9, 10.0.0.9 . tcp . 22 counter packets 2 bytes 120,
			     192.168.1.1 . udp . 53 counter packets 7 bytes 30 }
	}
}`;
    assert.deepEqual(parseRefused(text), [
      { host: '192.168.1.1:53/udp', count: 7 },
      { host: '10.0.0.9:22', count: 2 },
    ]);
    assert.deepEqual(parseRefused(''), []);
  });
});
