import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Failure } from '../../../server/base/errors.ts';
import { parseForward } from '../../../server/sharing/forwards.ts';
import {
  choosePorts,
  type PortPlace,
  type PortWishes,
  portDevices,
  portIsFree,
  portTaken,
  portVariables,
  portWords,
} from '../../../server/sharing/ports.ts';

const place = (more: Partial<PortPlace> = {}): PortPlace => ({
  container: 'coi-00c8ffff-2',
  slot: 2,
  isFree: async () => true,
  holder: () => undefined,
  ...more,
});
const named = (name: string, container: number, host = 0, listen = '127.0.0.1') => ({ name, container, host, listen });

async function refused(kind: string, message: RegExp, wishes: PortWishes, more: Partial<PortPlace> = {}) {
  await assert.rejects(choosePorts(wishes, place(more)), error => {
    assert.ok(error instanceof Failure, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    assert.ok(error.hint, 'a next step');
    return true;
  });
}

test('ports are those that coi would choose, and passed over when in use', async () => {
  // 0x00c8 = 200, so the block of the second slot begins at 20000 + 200 · 100 + 10.
  const wishes = { pool: 2, map: [named('web', 3000), named('db', 5432, 15432), named('api', 80, 40013)] };
  const ports = await choosePorts(wishes, place({ isFree: async (_, port) => port !== 40011 }));
  assert.deepEqual(
    ports.map(port => [port.name, port.host, port.container]),
    [
      ['pool-1', 40010, 40010],
      ['pool-2', 40012, 40012],
      ['web', 40014, 3000],
      ['db', 15432, 5432],
      ['api', 40013, 80],
    ],
  );
  assert.deepEqual(portVariables(ports), {
    COI_PORTS: '40010 40012',
    COI_PORT_WEB: '40014',
    COI_PORT_DB: '15432',
    COI_PORT_API: '40013',
  });
  assert.equal(portWords(ports[2] ?? assert.fail()), 'port 40014 of this computer as 3000 inside (web)');
  const [eleventh] = await choosePorts({ pool: 1, map: [] }, place({ slot: 11, container: 'coi-00c8ffff-11' }));
  assert.equal(eleventh?.host, 40100);
  assert.deepEqual(await choosePorts({ pool: 0, map: [] }, place()), []);
});

test('one device carries all ports of an address', async () => {
  const map = [named('a', 80, 8080), named('b', 81, 8081, '::1'), named('c', 82, 8082)];
  assert.deepEqual(portDevices(await choosePorts({ pool: 0, map }, place())), {
    'coi-port-0': { type: 'proxy', bind: 'host', listen: 'tcp:127.0.0.1:8080,8082', connect: 'tcp:127.0.0.1:80,82' },
    'coi-port-1': { type: 'proxy', bind: 'host', listen: 'tcp:[::1]:8081', connect: 'tcp:127.0.0.1:81' },
  });
});

test('a named port that is in use is a conflict that says whose it is', async () => {
  const busy = { isFree: async () => false, holder: () => 'slot 1 of /home/me/project' };
  await refused(
    'conflict',
    /port 8080 .* in use by slot 1 of \/home\/me/,
    { pool: 0, map: [named('a', 1, 8080)] },
    busy,
  );
  await refused('conflict', /no free port/, { pool: 1, map: [] }, busy);
});

test('what contradicts itself is refused', async () => {
  await refused('config', /11 ports/, { pool: 10, map: [named('a', 1)] });
  await refused('config', /no address/, { pool: 0, map: [named('a', 1, 1, '1.2.3')] });
  await refused('config', /COI_PORT_A_B/, { pool: 0, map: [named('a-b', 1), named('a_b', 2)] });
  await refused('config', /both want/, { pool: 0, map: [named('a', 1, 8080), named('b', 2, 8080, '0.0.0.0')] });
});

test('a port is tried on the host itself', async t => {
  const server = createServer();
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  t.after(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  assert.equal(await portIsFree('127.0.0.1', port), false);
  assert.equal(await portIsFree('127.0.0.2', port), true);
  await assert.rejects(portIsFree('192.0.2.1', port), /no address/);
  const message = 'Failed to listen on 127.0.0.1:99: listen tcp 127.0.0.1:99: bind: address already in use';
  assert.match((await portTaken(message, []))?.message ?? '', /port 99 /);
  const wanted = { name: 'a', listen: '127.0.0.1', host: port, container: 1, pool: false };
  const unnamed = 'Error occurred when starting proxy device: Error: Failed to receive fd from listener process';
  assert.match((await portTaken(unnamed, [wanted]))?.message ?? '', new RegExp(`port ${port} `));
  assert.equal(await portTaken(unnamed, [{ ...wanted, listen: '127.0.0.2' }]), undefined);
  assert.equal(await portTaken('anything else', [wanted]), undefined);
});

test('a process of Incus tells which way it carries', () => {
  const line = (...words: string[]) => ['/usr/libexec/incus/incusd', 'forkproxy', '--', ...words, ''].join('\0');
  const port = line('1', '4', 'tcp:127.0.0.1:80', '77', '3', 'tcp:127.0.0.1:81', '', '', '0644');
  assert.deepEqual(parseForward(port, 77), { listen: 'tcp:127.0.0.1:80', connect: 'tcp:127.0.0.1:81', at: 'host' });
  assert.deepEqual(parseForward(line('77', '3', 'unix:/a', '1', '4', 'unix:/b'), 77), {
    ...{ listen: 'unix:/a', connect: 'unix:/b', at: 'inside' },
  });
  assert.equal(parseForward(port, 78), undefined);
  assert.equal(parseForward('sh\0forkproxy', 77), undefined);
});
