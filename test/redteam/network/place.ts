import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { silentLog } from '../../../server/base/log.ts';
import { Incus } from '../../../server/incus/client.ts';
import { findSocket } from '../../../server/incus/target.ts';
import { AddressBook } from '../../../server/network/bridge.ts';
import { planNetwork } from '../../../server/network/plan.ts';
import type { Policy } from '../../../server/network/types.ts';
import { destroy } from '../../../server/slots/lifecycle.ts';
import { connect, testImage, until } from '../../incus/support.ts';
import { removeNotes } from '../../support/notes.ts';
import { testHosts } from '../../support/test-hosts.ts';
import type { Attacker } from '../attack.ts';

type Ending = Pick<TestContext, 'after'>;

/** A part of the host that is the test's own: a project, two bridges, a public address, a service. */
export interface Range {
  incus: Incus;
  bridge: string;
  gateway: string;
  /** The host's card number there, in hexadecimal. */
  hostMac: string;
  /** Address of the host on another bridge, whose resolver listens there. */
  otherGateway: string;
  /** An address of the host that looks public, and the port of a service on all addresses. */
  hostAddress: string;
  port: number;
  image: string;
  /** How many connections the service had. */
  connections(): number;
}

export interface Fighter {
  name: string;
  address: string;
  mac: string;
  /** The host's end of its cable. */
  cable: string;
  run(script: string, as: Attacker): Promise<string>;
}

/** What holds unless a test says otherwise. */
export function policy(change: Partial<Policy> = {}): Policy {
  const flags = { blockPrivate: true, blockMetadata: true, allowLocal: false };
  return { mode: 'restricted', allow: [], resolvers: [], ports: [], hosts: [], ...flags, ...change };
}

export function sh(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Makes it with the test hosts; all of it is gone at the end. */
export async function range(t: Ending): Promise<Range> {
  await testHosts(t);
  return rangeOf(t, randomOctet());
}

/** A number that the addresses of a range can have. */
export function randomOctet(): number {
  return 1 + ((randomBytes(1)[0] ?? 0) % 250);
}

/** Makes it where the test hosts are there already; `octet` is in its addresses. All of it is gone at the end. */
export async function rangeOf(t: Ending, octet: number): Promise<Range> {
  const admin = await connect(t);
  const id = randomBytes(3).toString('hex');
  const [bridge, other, project] = [`iat${id}a`, `iat${id}b`, `ia-test-${id}`];
  const gateway = `10.201.${octet}.1`;
  const otherGateway = `10.202.${octet}.1`;
  await makeBridge(t, admin, bridge, gateway, { 'ipv6.address': `fd42:${id.slice(0, 4)}::1/64`, 'ipv6.nat': 'true' });
  await makeBridge(t, admin, other, otherGateway, { 'ipv6.address': 'none' });
  await makeProject(t, admin, project, bridge);
  const incus = new Incus({ socketPath: await findSocket(), project }, silentLog);
  t.after(() => incus.close());
  const hostAddress = `198.51.100.${octet}`;
  sh('ip', 'addr', 'add', `${hostAddress}/32`, 'dev', other);
  const service = await listen(t);
  const hostMac = sh('cat', `/sys/class/net/${bridge}/address`).trim().replaceAll(':', '');
  return { incus, bridge, gateway, hostMac, otherGateway, hostAddress, image: await testImage(admin), ...service };
}

const yes = () => true;
const no = () => false;

async function makeBridge(t: Ending, incus: Incus, name: string, gateway: string, more: Record<string, string>) {
  const request = (method: 'POST' | 'DELETE', path: string, body?: unknown) =>
    incus.request(method, path, body).then(yes, no);
  t.after(async () => void (await until(`${name} is gone`, () => request('DELETE', `/1.0/networks/${name}`))));
  const config = { 'ipv4.address': `${gateway}/24`, 'ipv4.nat': 'true', ...more };
  // Incus fails when any container of the machine goes away at that moment.
  await until(`the bridge ${name}`, () => request('POST', '/1.0/networks', { name, type: 'bridge', config }));
}

async function makeProject(t: Ending, incus: Incus, name: string, bridge: string): Promise<void> {
  const config = { 'features.images': 'false', 'features.networks': 'false', 'features.storage.volumes': 'false' };
  const o = { project: null };
  await incus.request('POST', '/1.0/projects', { name, config: { ...config, 'features.profiles': 'true' } }, o);
  t.after(async () => {
    await incus.request('DELETE', `/1.0/projects/${name}`, undefined, o);
    removeNotes(`${name}_`);
  });
  const pool = (await incus.profile('default'))?.devices.root?.pool ?? 'default';
  const devices = {
    root: { type: 'disk', path: '/', pool },
    eth0: { type: 'nic', network: bridge, name: 'eth0' },
  };
  await incus.request('PUT', '/1.0/profiles/default', { config: {}, devices }, { project: name });
}

async function listen(t: Ending): Promise<{ port: number; connections(): number }> {
  let count = 0;
  const sockets = new Set<Socket>();
  const server = createServer(socket => {
    count++;
    sockets.add(socket);
    socket.on('error', () => {});
    socket.end('REACHED: the host');
  });
  await new Promise<void>(done => server.listen(0, '0.0.0.0', done));
  // Whoever attacked is gone without having ended its connections.
  t.after(
    () =>
      new Promise<void>(done => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  );
  const at = server.address();
  return { port: typeof at === 'object' && at !== null ? at.port : 0, connections: () => count };
}

/** A running container: with the rules of a policy, or without any. */
export async function fighter(t: Ending, place: Range, name: string, held?: Policy): Promise<Fighter> {
  const { incus } = place;
  const plan =
    held === undefined
      ? undefined
      : await planNetwork(incus, new AddressBook(), { container: name, policy: held, hooks: true });
  t.after(() => destroy(incus, name));
  await incus.createInstance({
    name,
    source: { alias: place.image },
    start: true,
    config: { 'security.guestapi': 'false', ...plan?.fragment.config },
    devices: { ...plan?.fragment.devices },
  });
  const address = await until(`${name} has an address`, async () => (await incus.instanceState(name)).ip);
  const config = (await incus.instance(name))?.instance.config ?? {};
  const mac = config['volatile.eth0.hwaddr'] ?? plan?.fragment.devices?.eth0?.hwaddr ?? '';
  const cable = config['volatile.eth0.host_name'] ?? '';
  const run = async (script: string, as: Attacker) => {
    const ids = as === 'root' ? {} : { user: 1000, group: 1000 };
    const { stdout, stderr } = await incus.exec(
      name,
      ['timeout', '30', '/bin/sh', '-c', `${HELPERS}tohost=${place.hostMac}\n${script}`],
      ids,
    );
    return stdout.toString('utf8') + stderr.toString('utf8');
  };
  return { name, address, mac, cable, run };
}

/**
 * Goes before every attack. `frame HEX` sends a whole frame; `ip4 SOURCE DESTINATION [PORT [OPTIONS]]` and `syn SOURCE DESTINATION PORT
 * FLAGS` write a packet in hexadecimal; `mac` and `tohost` are the two card numbers of the cable.
 */
const HELPERS = `
tcp() { timeout 2 bash -c 'exec 3<>/dev/tcp/$0/$1 && printf "GET / HTTP/1.0\\r\\n\\r\\n" >&3 && cat <&3' "$1" "$2" 2>&1; }
udp() { perl -MSocket -e 'socket(S,2,2,0); send(S,"\\x00\\x01\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x01a\\x00\\x00\\x01\\x00\\x01",0,sockaddr_in($ARGV[1],inet_aton($ARGV[0]))) or print "$!\\n"; my $r=""; vec($r,fileno(S),1)=1; if(select($r,undef,undef,0.5)){ recv(S,my $b,512,0); print $b }' "$1" "$2" 2>&1; }
raw() { perl -e 'my ($to,$p,$n)=@ARGV; socket(S,2,3,$p) or die "$!\\n"; send(S,pack("H*",$n),0,pack("Sna4x8",2,0,pack("C4",split/\\./,$to))) or print "$!\\n"' "$@" 2>&1; }
SUM='sub sum { my $c=0; $c+=$_ for unpack("n*",shift); $c=($c&0xffff)+($c>>16) while $c>>16; ~$c&0xffff } sub a { pack("C4",split/\\./,shift) }
sub head { my ($s,$d,$p,$l,$o)=@_; my $n=5+length($o)/4; my $h=pack("CCnnnCCn",0x40|$n,0,$n*4+$l,7,$ENV{FRAGMENT}||0,64,$p,0).a($s).a($d).$o; substr($h,10,2)=pack("n",sum($h)); $h }'
ip4() { perl -e "$SUM"'my ($s,$d,$p,$o)=@ARGV; print unpack("H*",head($s,$d,17,12,pack("H*",$o//"")).pack("nnnn",9,$p||9,12,0)."evil")' "$@"; }
syn() { perl -e "$SUM"'my ($s,$d,$p,$f)=@ARGV; my $t=pack("nnNNCCnnn",4444,$p,1,0,0x50,hex $f,1024,0,0); substr($t,16,2)=pack("n",sum(a($s).a($d).pack("nn",6,20).$t)); print unpack("H*",head($s,$d,6,20,"").$t)' "$@"; }
frame() { perl -e 'socket(S,17,3,0) or die "raw: $!\\n"; open(I,"/sys/class/net/eth0/ifindex"); my $i=<I>; my $f=pack("H*",$ARGV[0]); send(S,$f,0,pack("SnlSCCa8",17,0,$i,1,0,6,substr($f,0,6))) or print "send: $!\\n"' "$1" 2>&1; }
mac=$(tr -d : </sys/class/net/eth0/address)
`;
