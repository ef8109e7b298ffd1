import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { mkdtemp, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext, test } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
import { isAllowed, mayLeadTo, parseTarget } from '../../../server/network/proxy/allowed.ts';
import { resolveOnHost } from '../../../server/network/proxy/dial.ts';
import { SlotProxy } from '../../../server/network/proxy/proxy.ts';
import { readHello } from '../../../server/network/proxy/sni.ts';
import type { Policy } from '../../../server/network/types.ts';
import { dnsAnswer } from '../../support/dns.ts';

function policy(allow: string[], change: Partial<Policy> = {}): Policy {
  const flags = { blockPrivate: true, blockMetadata: true, allowLocal: false };
  return { mode: 'allowlist', allow, resolvers: [], ports: [], hosts: [], ...flags, ...change };
}

const may = (allow: string[], target: string) => isAllowed(policy(allow), parseTarget(target) ?? assert.fail(target));

describe('a target', () => {
  it('is a name or an address with a port, in one spelling', () => {
    assert.deepEqual(parseTarget('API.Example.org.:443'), { host: 'api.example.org', port: 443 });
    assert.deepEqual(parseTarget('example.org', 80), { host: 'example.org', port: 80 });
    const wrong = [
      'example.org',
      'example.org:0',
      'a\0.org:80',
      'user@a.org:80',
      '0x7f.1:80',
      '127.1:80',
      '2130706433:80',
    ];
    for (const text of [...wrong, '[::1]:80', 'a.org:80:80', 'a_b.org:80', ' a.org:80', '.a.org:80'])
      assert.equal(parseTarget(text), undefined, JSON.stringify(text));
  });

  it('is allowed by whole labels', () => {
    assert.ok(may(['example.org'], 'example.org:443'));
    for (const target of ['a.example.org:443', 'example.org.evil.net:443', 'badexample.org:443', 'org:443'])
      assert.ok(!may(['example.org'], target), target);
    assert.ok(may(['*.example.org'], 'a.b.example.org:443'));
    for (const target of ['example.org:443', 'badexample.org:443', 'a.example.org.evil.net:443'])
      assert.ok(!may(['*.example.org'], target), target);
  });

  it('is allowed on its ports, which are those of the web unless named', () => {
    assert.ok(may(['example.org'], 'example.org:80'));
    assert.ok(!may(['example.org'], 'example.org:22'));
    assert.ok(may(['example.org:22,8000-8010'], 'example.org:8005'));
    assert.ok(!may(['example.org:22'], 'example.org:443'));
    assert.ok(may(['203.0.113.0/24'], '203.0.113.9:22'));
    assert.ok(!may(['203.0.113.0/24:443'], '203.0.113.9:22'));
  });

  it('does not lead to the host or into private networks', () => {
    const own = new Set(['203.0.113.4']);
    assert.ok(mayLeadTo(policy([]), '203.0.113.5', own));
    for (const address of ['203.0.113.4', '10.1.1.1', '169.254.169.254', '127.0.0.1', '::1'])
      assert.ok(!mayLeadTo(policy([]), address, own), address);
    assert.ok(mayLeadTo(policy([], { allowLocal: true }), '10.1.1.1', own));
    assert.ok(!mayLeadTo(policy([], { allowLocal: true }), '169.254.169.254', own));
  });
});

describe('a target beyond the allow-list', () => {
  const allowed = (change: Partial<Policy>, target: string) =>
    isAllowed(
      policy(['example.org', 'example.org:8000', '203.0.113.0/24'], change),
      parseTarget(target) ?? assert.fail(),
    );

  it('is refused where its port is none of the only ones', () => {
    const ports = [443, 8000];
    for (const target of ['example.org:443', 'example.org:8000', '203.0.113.9:443'])
      assert.ok(allowed({ ports }, target));
    for (const target of ['example.org:80', '203.0.113.9:22', 'other.example:443'])
      assert.ok(!allowed({ ports }, target), target);
    const hosts = [{ ip: '10.1.1.1', hostnames: ['db.example'], ports: [5432] }];
    assert.ok(allowed({ ports, hosts }, 'db.example:5432'), 'what the user named with its own port');
  });

  it('is what the rules of another mode would let through, after a change to that mode', () => {
    const own = new Set<string>();
    assert.ok(allowed({ mode: 'restricted' }, 'any.example:22'));
    assert.ok(!allowed({ mode: 'restricted', ports: [443] }, 'any.example:22'));
    const resolvers = ['192.0.2.53'];
    assert.ok(allowed({ mode: 'restricted', resolvers }, 'any.example:443'));
    assert.ok(allowed({ mode: 'restricted', resolvers, ports: [443] }, '192.0.2.53:53'));
    for (const target of ['any.example:53', '198.51.100.1:853', '192.0.2.53:853'])
      assert.ok(!allowed({ mode: 'restricted', resolvers }, target), target);
    assert.ok(allowed({ mode: 'open', ports: [443], resolvers }, 'any.example:53'));
    assert.ok(!mayLeadTo(policy([], { mode: 'restricted' }), '10.1.1.1', own));
    assert.ok(mayLeadTo(policy([], { mode: 'open' }), '10.1.1.1', own));
    for (const address of ['169.254.169.254', '127.0.0.1'])
      assert.ok(!mayLeadTo(policy([], { mode: 'open', allowLocal: true }), address, own), address);
  });

  it('is never another slot, whatever is permitted', () => {
    for (const change of [{ allowLocal: true }, { mode: 'open' as const }])
      assert.ok(!mayLeadTo(policy([], change), '10.9.8.7', new Set(), ['10.9.8.0/24']));
  });
});

/** A ClientHello that asks for a name, or for none. */
function hello(...names: string[]): Buffer {
  const extension = Buffer.concat(
    names.map(name => {
      const host = Buffer.from(name);
      const list = Buffer.concat([Buffer.from([0]), u16(host.length), host]);
      return Buffer.concat([u16(0), u16(list.length + 2), u16(list.length), list]);
    }),
  );
  const other = Buffer.concat([u16(23), u16(0)]);
  const extensions = Buffer.concat([other, extension]);
  const body = Buffer.concat([
    u16(0x303),
    Buffer.alloc(32),
    Buffer.from([0]),
    u16(2),
    u16(0x1301),
    Buffer.from([1, 0]),
  ]);
  const whole = Buffer.concat([body, u16(extensions.length), extensions]);
  const message = Buffer.concat([Buffer.from([1, 0]), u16(whole.length), whole]);
  return record(message);
}

function record(part: Buffer, type = 22): Buffer {
  return Buffer.concat([Buffer.from([type, 3, 1]), u16(part.length), part]);
}

/** A message in two records, the first with `length` bytes. */
function records(message: Buffer, length: number): Buffer {
  return Buffer.concat([record(message.subarray(0, length)), record(message.subarray(length))]);
}

function u16(n: number): Buffer {
  return Buffer.from([n >> 8, n & 255]);
}

describe('the beginning of TLS', () => {
  it('gives the name that is asked for', () => {
    assert.deepEqual(readHello(hello('Example.org')), { kind: 'tls', name: 'example.org' });
    assert.deepEqual(readHello(hello()), { kind: 'tls' });
    assert.deepEqual(readHello(Buffer.from('SSH-2.0-x')), { kind: 'other' });
  });

  it('is waited for, and read without trust in its lengths', () => {
    const whole = hello('example.org');
    for (let i = 0; i < whole.length; i++) assert.deepEqual(readHello(whole.subarray(0, i)), { kind: 'more' });
    for (let i = 0; i < whole.length; i++) {
      const broken = Buffer.from(whole);
      broken[i] = 255;
      assert.notEqual(readHello(broken).kind, i === 0 ? 'tls' : 'other', String(i));
    }
  });

  it('is read over several records, as a server reads it', () => {
    const whole = hello('example.org');
    for (let i = 1; i < whole.length - 5; i++) {
      const split = records(whole.subarray(5), i);
      assert.deepEqual(readHello(split), { kind: 'tls', name: 'example.org' }, String(i));
      for (let end = 1; end < split.length; end++) assert.equal(readHello(split.subarray(0, end)).kind, 'more');
    }
  });

  it('is unsound where a server might read another one', () => {
    const whole = hello('example.org');
    const message = whole.subarray(5);
    const unsound: Record<string, Buffer> = {
      'an alert in between': Buffer.concat([record(message.subarray(0, 9)), record(Buffer.from([1, 0]), 21)]),
      'an empty record': Buffer.concat([record(Buffer.alloc(0)), whole]),
      'a record that is too long': Buffer.concat([Buffer.from([22, 3, 1]), u16(16_385), Buffer.alloc(16_385)]),
      'no ClientHello': record(Buffer.concat([Buffer.from([2]), message.subarray(1)])),
      'a message without an end': record(Buffer.concat([Buffer.from([1, 255, 255, 255]), message.subarray(4)])),
      'two names': hello('example.org', 'other.example'),
      'something after the extensions': record(
        Buffer.concat([Buffer.from([1, 0]), u16(message.length - 3), message.subarray(4), Buffer.from([0])]),
      ),
    };
    for (const [what, data] of Object.entries(unsound)) assert.deepEqual(readHello(data), { kind: 'unsound' }, what);
  });
});

/** A server of the test's own that echoes, and a proxy for it whose resolver says what the test wants. */
async function setUp(t: TestContext, allow: string[], names: Record<string, string[]>, web = WEB) {
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', data => {
      if (!data.toString('latin1').startsWith('GET')) return socket.write(data);
      return web === WEB ? socket.write(WEB) : socket.end(web, 'latin1');
    });
  });
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done));
  const at = server.address();
  const port = typeof at === 'object' && at !== null ? at.port : 0;
  const directory = await mkdtemp(join(tmpdir(), 'ia-test-'));
  // The echo is on loopback, where no name may lead: the user's own fixed address does.
  const hosts = [{ ip: '127.0.0.1', hostnames: ['echo.example'], ports: [port] }];
  const proxy = new SlotProxy(policy(allow, { hosts }), silentLog, async name => names[name] ?? []);
  await proxy.listen(directory);
  t.after(async () => {
    await proxy.close();
    for (const socket of sockets) socket.destroy();
    server.close();
    await rm(directory, { recursive: true });
  });
  return { proxy, port, path: join(directory, 'proxy') };
}

const WEB = 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nweb';

/** What servers may say, and the status that the client gets for it; 0 where the answer breaks off. */
const HOSTILE: readonly (readonly [string, string, number])[] = [
  ['a trailer that a length forbids', 'HTTP/1.1 200 OK\r\ntrailer: x\r\ncontent-length: 3\r\n\r\nweb', 200],
  ['trailers', 'HTTP/1.1 200 OK\r\ntrailer: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nweb\r\n0\r\nx: y\r\n\r\n', 200],
  [
    'headers for the proxy',
    'HTTP/1.1 200 OK\r\nconnection: x-hop\r\nx-hop: 1\r\nproxy-authenticate: x\r\nupgrade: y\r\ncontent-length: 0\r\n\r\n',
    200,
  ],
  ['a status that is none', 'HTTP/1.1 000 OK\r\ncontent-length: 0\r\n\r\n', 502],
  ['a status beyond all', 'HTTP/1.1 999 OK\r\ncontent-length: 0\r\n\r\n', 502],
  ['an upgrade that nobody asked for', 'HTTP/1.1 101 Up\r\nconnection: upgrade\r\nupgrade: x\r\n\r\nabc', 502],
  ['another protocol', 'SSH-2.0-x\r\n', 502],
  ['an odd header', 'HTTP/1.1 200 OK\r\nx\x01y: \x02\r\n\r\n', 502],
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nweb', 502],
  ['endless headers', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`, 502],
  ['silence', '', 502],
  ['an end in the middle', 'HTTP/1.1 200 OK\r\ncontent-length: 30\r\n\r\nweb', 0],
  ['an end in the middle of a chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nweb', 0],
];

/** Asks through the proxy, and waits for the whole of the answer. */
async function answerTo(path: string, url: string): Promise<{ code: number; headers: IncomingHttpHeaders }> {
  return new Promise(done => {
    const broken = () => done({ code: 0, headers: {} });
    const asked = request({ socketPath: path, path: url, headers: { host: 'x' }, agent: false }, reply => {
      reply.on('end', () => done({ code: reply.statusCode ?? 0, headers: reply.headers }));
      reply.on('error', broken).resume();
    });
    asked.on('error', broken).end();
  });
}

/** Says something to the proxy and gives what came until it was quiet or closed. */
async function say(path: string, ...parts: (string | Buffer)[]): Promise<{ text: string; closed: boolean }> {
  const socket = connect(path);
  let text = '';
  let closed = false;
  socket.on('data', data => {
    text += data.toString('latin1');
  });
  socket.on('error', () => {});
  const end = new Promise<void>(done =>
    socket.on('close', () => {
      closed = true;
      done();
    }),
  );
  for (const part of parts) {
    const before = text.length;
    socket.write(part);
    const more = new Promise<void>(done => socket.once('data', () => done()));
    if (text.length === before) await Promise.race([more, end]);
  }
  const result = { text, closed };
  socket.destroy();
  return result;
}

test('names are looked up at the only resolvers where there are any', async t => {
  const server = createSocket('udp4');
  server.on('message', (query, from) => {
    const answer = dnsAnswer(query, 'inside', '203.0.113.9');
    if (answer !== undefined) server.send(answer, from.port, from.address);
  });
  await new Promise<void>(done => server.bind(0, '127.0.0.1', done));
  t.after(() => server.close());
  const resolvers = [`127.0.0.1:${server.address().port}`];
  assert.deepEqual(await resolveOnHost('inside.example', resolvers), ['203.0.113.9']);
  // The host's own file of names has this one.
  assert.deepEqual(await resolveOnHost('localhost', []), ['127.0.0.1']);
});

describe('the proxy of a slot', () => {
  it('connects to what is named, and to nothing else', async t => {
    // `other.example` leads where an allowed name leads too, as an alias (CNAME) of it would.
    const names = { 'private.example': ['10.98.76.1'], 'own.example': ['127.0.0.1'], 'other.example': ['127.0.0.1'] };
    const allow = ['private.example', 'own.example', 'missing.example'];
    const { proxy, path, port } = await setUp(t, allow, names);
    assert.match((await say(path, `CONNECT echo.example:${port} HTTP/1.1\r\n\r\n`, 'hello')).text, /200 .*hello$/s);
    const refused = async (target: string) => (await say(path, `CONNECT ${target} HTTP/1.1\r\n\r\n`)).text;
    assert.match(await refused('other.example:443'), /^HTTP\/1.1 403 .*not on the allow-list/s);
    assert.match(await refused(`other.example:${port}`), /^HTTP\/1.1 403 .*not on the allow-list/s);
    assert.match(await refused('203.0.113.7:443'), /^HTTP\/1.1 403/);
    assert.match(await refused('private.example:443'), /^HTTP\/1.1 403 .*may not reach/s);
    assert.match(await refused('own.example:443'), /^HTTP\/1.1 403 .*may not reach/s);
    assert.match(await refused('missing.example:443'), /^HTTP\/1.1 502/);
    assert.match(await refused(`127.0.0.1:${port + 1}`), /^HTTP\/1.1 403/);
    await refused('other.example:443');
    assert.deepEqual(proxy.blocked()[0], { host: 'other.example:443', count: 2 });
  });

  it('lets no tunnel ask TLS for another name', async t => {
    const { path, port, proxy } = await setUp(t, [], {});
    const begin = `CONNECT echo.example:${port} HTTP/1.1\r\n\r\n`;
    const own = await say(path, begin, hello('echo.example'));
    assert.ok(own.text.includes('echo.example') && !own.closed);
    const fronted = await say(path, begin, hello('other.example'));
    assert.ok(fronted.closed && !fronted.text.includes('other.example'));
    const split = await say(path, begin, records(hello('other.example').subarray(5), 20));
    assert.ok(split.closed && !split.text.includes('other.example'));
    const unsound = await say(path, begin, record(Buffer.from([1, 255, 255, 255, 0])));
    assert.ok(unsound.closed);
    assert.equal(proxy.blocked()[0]?.count, 3);
  });

  it('forwards plain requests to the host that their address names', async t => {
    const { path, port } = await setUp(t, [], {});
    const get = (url: string) =>
      new Promise<number>((done, fail) => {
        const asked = request({ socketPath: path, path: url, headers: { host: 'other.example' } }, reply => {
          reply.resume();
          done(reply.statusCode ?? 0);
        });
        asked.on('error', fail).end();
      });
    assert.equal(await get(`http://echo.example:${port}/x`), 200);
    assert.equal(await get('http://other.example/x'), 403);
    assert.equal(await get('/x'), 403);
  });

  for (const [what, reply, status] of HOSTILE)
    it(`lives through ${what}`, async t => {
      const { path, port, proxy } = await setUp(t, [], {}, reply);
      const { code, headers } = await answerTo(path, `http://echo.example:${port}/x`);
      assert.equal(code, status);
      for (const name of ['trailer', 'upgrade', 'x-hop', 'proxy-authenticate']) assert.equal(headers[name], undefined);
      while (proxy.connections > 0) await new Promise(done => setImmediate(done));
    });

  it('cuts what is under way when the policy changes', async t => {
    const { path, port, proxy } = await setUp(t, [], {});
    const talking = say(path, `CONNECT echo.example:${port} HTTP/1.1\r\n\r\n`, 'hello', '');
    while ((await new Promise<number>(done => setImmediate(() => done(proxy.connections)))) < 2);
    proxy.policy = policy([]);
    proxy.cut();
    assert.ok((await talking).closed);
    assert.match((await say(path, `CONNECT echo.example:${port} HTTP/1.1\r\n\r\n`)).text, /^HTTP\/1.1 403/);
  });
});
