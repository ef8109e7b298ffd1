import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** What each kind of address under attack is here. None of them is anybody's while the test hosts are there. */
export const ADDRESSES = {
  private10: '10.98.76.1',
  private172: '172.16.198.1',
  private192: '192.168.198.1',
  carrier: '100.64.198.1',
  metadata: '169.254.169.254',
  internet: '203.0.113.77',
  resolver: '203.0.113.53',
} as const;

export interface TestHosts {
  /** Runs a program where the test hosts are. */
  run(...argv: string[]): string;
}

interface Ending {
  after(fn: () => void | Promise<void>): void;
}

const NAME = 'ia-test-hosts';
const LINK = 'iath0';

const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

/** A name that the resolver of the test hosts knows, as the address of `internet`. */
export const KNOWN_NAME = 'known.example';

/** Says on port 80 and, as a datagram, on port 53 that it was reached; there it also answers for the one name. */
const SERVER = `
import net from 'node:net'; import dgram from 'node:dgram';
const { dnsAnswer } = await import(process.argv[1]);
net.createServer(s => { s.on('error', () => {}); s.end('HTTP/1.0 200 OK\\r\\n\\r\\nREACHED: a test host'); }).listen(80, '0.0.0.0', () => {
  const answer = m => dnsAnswer(m, 'known', '${ADDRESSES.internet}') ?? 'REACHED: a resolver';
  // One socket for each address: else answers would come from another one.
  const sockets = ${JSON.stringify(Object.values(ADDRESSES))}.map(address => {
    const u = dgram.createSocket('udp4', (m, from) => u.send(answer(m), from.port, from.address));
    return new Promise(done => u.bind(53, address, done));
  });
  Promise.all(sockets).then(() => console.log('ready'));
});`;
const DNS = new URL('./dns.ts', import.meta.url).href;

/**
 * A network namespace that owns every address under attack, each routed to it on the host: nothing leaves the machine, even where a
 * rule fails. Gone at the end of the test. One at a time on a machine: the next one waits. Needs root.
 */
export async function testHosts(t: Ending): Promise<TestHosts> {
  const release = await takeTurn();
  t.after(release);
  remove();
  t.after(remove);
  ip('netns', 'add', NAME);
  ip('link', 'add', LINK, 'type', 'veth', 'peer', 'name', 'iath1', 'netns', NAME);
  ip('addr', 'add', '198.18.77.1/30', 'dev', LINK);
  ip('link', 'set', LINK, 'up');
  ip('-n', NAME, 'link', 'set', 'lo', 'up');
  ip('-n', NAME, 'addr', 'add', '198.18.77.2/30', 'dev', 'iath1');
  ip('-n', NAME, 'link', 'set', 'iath1', 'up');
  ip('-n', NAME, 'route', 'add', 'default', 'via', '198.18.77.1');
  for (const address of Object.values(ADDRESSES)) {
    ip('-n', NAME, 'addr', 'add', `${address}/32`, 'dev', 'lo');
    ip('route', 'add', `${address}/32`, 'via', '198.18.77.2');
  }
  await serve(t);
  return { run: (...argv) => execFileSync('ip', ['netns', 'exec', NAME, ...argv], { encoding: 'utf8' }) };
}

async function serve(t: Ending): Promise<void> {
  const child = spawn('ip', ['netns', 'exec', NAME, process.execPath, '--input-type=module', '-e', SERVER, DNS], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  });
  const ended = once(child, 'exit').then(() => {
    throw new Error('The test hosts ended before they were ready, with what they wrote above.');
  });
  ended.catch(() => {}); // Later it is meant to.
  await Promise.race([once(child.stdout, 'data'), ended]);
}

/** The routes go with its cable. What an interrupted run left is taken away too. */
function remove(): void {
  // A namespace goes only with its last process, so its cable is taken away first.
  for (const argv of [
    ['link', 'del', LINK],
    ['netns', 'del', NAME],
  ])
    try {
      ip(...argv);
    } catch {
      // There is none.
    }
}

/** An abstract socket is a lock that the kernel takes back from a process that died. */
async function takeTurn(): Promise<() => Promise<void>> {
  const end = Date.now() + 300_000;
  for (;;) {
    const server = createServer();
    server.listen(`\0${NAME}`);
    const taken = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (taken) return () => new Promise(done => server.close(() => done()));
    if (Date.now() > end) throw new Error('Another test has kept the test hosts for five minutes.');
    await sleep(100);
  }
}
