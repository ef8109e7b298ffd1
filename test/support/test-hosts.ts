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

/** Says on port 80 and, as a datagram, on port 53 that it was reached. */
const SERVER = `
const net = require('node:net'), dgram = require('node:dgram');
net.createServer(s => { s.on('error', () => {}); s.end('HTTP/1.0 200 OK\\r\\n\\r\\nREACHED: a test host'); }).listen(80, '0.0.0.0', () => {
  const u = dgram.createSocket('udp4', (m, from) => u.send('REACHED: a resolver', from.port, from.address));
  u.bind(53, '0.0.0.0', () => console.log('ready'));
});`;

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
  const child = spawn('ip', ['netns', 'exec', NAME, process.execPath, '-e', SERVER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(async () => {
    if (child.exitCode !== null) return;
    child.kill();
    await once(child, 'exit');
  });
  await once(child.stdout, 'data');
}

/** Its cable and the routes go with it. What an interrupted run left is taken away too. */
function remove(): void {
  try {
    ip('netns', 'del', NAME);
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
    const taken = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]);
    if (taken) return () => new Promise(done => server.close(() => done()));
    if (Date.now() > end) throw new Error('Another test has kept the test hosts for five minutes.');
    await sleep(100);
  }
}
