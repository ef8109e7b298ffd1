import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AddressBook, freeAddress } from '../../../server/network/bridge.ts';
import { parseDestination, parseName } from '../../../server/network/destinations.ts';
import { formatAddress, formatCidr, parseAddress, parseCidr } from '../../../server/network/ipv4.ts';
import { macOf } from '../../../server/network/plan.ts';
import { isPublic, PRIVATE, touches } from '../../../server/network/ranges.ts';

describe('addresses', () => {
  it('are read in their one form only', () => {
    assert.equal(parseAddress('10.0.0.1'), 0x0a000001);
    assert.equal(parseAddress('255.255.255.255'), 0xffffffff);
    for (const text of ['10.1', '010.0.0.1', '0x0a.0.0.1', '256.0.0.1', '1.2.3.4.5', '', '1.2.3.4 ', '167772161'])
      assert.equal(parseAddress(text), undefined, text);
    assert.equal(formatAddress(0xc0a80102), '192.168.1.2');
  });

  it('and networks lose their host bits', () => {
    assert.equal(formatCidr(parseCidr('10.123.77.1/24') ?? assert.fail()), '10.123.77.0/24');
    assert.equal(formatCidr(parseCidr('1.2.3.4') ?? assert.fail()), '1.2.3.4');
    assert.equal(formatCidr(parseCidr('1.2.3.4/0') ?? assert.fail()), '0.0.0.0/0');
    for (const text of ['1.2.3.4/33', '1.2.3.4/', '1.2.3.4/8/8', '1.2.3/8']) assert.equal(parseCidr(text), undefined);
  });

  it('of the internet are told from all others', () => {
    for (const address of ['203.0.113.77', '8.8.8.8', '172.32.0.1', '100.128.0.1', '11.0.0.0', '223.255.255.255'])
      assert.ok(isPublic(address), address);
    const others = ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '100.64.0.1', '169.254.169.254'];
    const strange = ['127.0.0.1', '0.0.0.0', '224.0.0.1', '255.255.255.255', '192.0.0.192', '168.63.129.16', '::1'];
    for (const address of [...others, ...strange, '::ffff:8.8.8.8', '2001:db8::1', 'x'])
      assert.ok(!isPublic(address), address);
    assert.ok(touches('0.0.0.0/0', PRIVATE));
    assert.ok(touches('10.1.2.0/24', PRIVATE));
    assert.ok(!touches('11.0.0.0/8', PRIVATE));
  });
});

describe('entries of an allow-list', () => {
  it('are names, wildcards, addresses and networks, with ports', () => {
    assert.deepEqual(parseDestination('Example.ORG'), {
      kind: 'name',
      labels: ['example', 'org'],
      wildcard: false,
      ports: [],
    });
    assert.deepEqual(parseDestination('*.example.org:443,8000-8010'), {
      kind: 'name',
      labels: ['example', 'org'],
      wildcard: true,
      ports: [
        { first: 443, last: 443 },
        { first: 8000, last: 8010 },
      ],
    });
    assert.deepEqual(parseDestination('203.0.113.0/24:22'), {
      kind: 'network',
      cidr: '203.0.113.0/24',
      ports: [{ first: 22, last: 22 }],
    });
  });

  it('that mean something else to somebody are none', () => {
    const wrong = ['', '*', '*.', 'a..b', '-a.org', 'a_b.org', 'a.org:0', 'a.org:70000', 'a.org:9-1', 'a.org:80:80'];
    for (const text of [...wrong, 'x\0.org', 'a.org/x', '0x7f.1', '1.2.3', 'e.1', 'a.*.org', '[::1]', 'https://a.org'])
      assert.equal(parseDestination(text), undefined, text);
    assert.equal(parseName('bücher.example'), undefined);
    assert.deepEqual(parseName('a.example.'), ['a', 'example']);
  });
});

describe('the address of a slot', () => {
  const subnet = parseCidr('10.9.8.0/29') ?? assert.fail();
  const gateway = parseAddress('10.9.8.1') ?? assert.fail();
  const lease = (hostname: string, address: string, type = 'dynamic') => ({ hostname, address, type, hwaddr: '' });

  it('is one that nobody has', () => {
    const taken = ['2', '3', '5', '6'].map(last => lease('other', `10.9.8.${last}`));
    assert.equal(formatAddress(freeAddress(subnet, [gateway], taken, 'coi-01234567-1')), '10.9.8.4');
    const all = [...taken, lease('other', '10.9.8.4', 'static')];
    assert.throws(() => freeAddress(subnet, [gateway], all, 'coi-01234567-1'), /Every address/);
  });

  it('stays while the container is there', () => {
    const leases = [lease('coi-01234567-1', '10.9.8.6', 'static'), lease('coi-01234567-1', '10.9.8.5')];
    assert.equal(formatAddress(freeAddress(subnet, [gateway], leases, 'coi-01234567-1')), '10.9.8.6');
  });

  it('differs between the slots of a workspace, so that opens at once do not meet', () => {
    const wide = parseCidr('10.9.0.0/24') ?? assert.fail();
    const found = Array.from({ length: 50 }, (_, i) => freeAddress(wide, [gateway], [], `coi-01234567-${i + 1}`));
    assert.equal(new Set(found).size, 50);
  });

  it('decides the address of the card, so that whoever is remembered for one is the same card', () => {
    assert.equal(macOf('10.9.8.6'), '02:1a:0a:09:08:06');
    assert.equal(macOf('192.168.255.1'), '02:1a:c0:a8:ff:01');
  });

  it('is not what another open was given a moment ago', () => {
    const book = new AddressBook();
    book.give(1, 'a', 0);
    book.give(2, 'b', 0);
    assert.deepEqual(book.taken('a', 1000), [2]);
    assert.deepEqual(book.taken('c', 1000), [1, 2]);
    book.give(3, 'a', 1000);
    assert.deepEqual(book.taken('c', 2000), [2, 3]);
    assert.deepEqual(book.taken('c', 61_500), []);
  });
});
