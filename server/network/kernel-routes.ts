import { readFile } from 'node:fs/promises';
import { endianness } from 'node:os';
import { type Cidr, formatAddress } from './ipv4.ts';

/**
 * Whether this machine has the address itself, and the network that it is in is behind that interface; also where nothing is plugged in
 * yet, which `os.networkInterfaces` leaves out. Never true for an interface of another machine. Forms: fib_trie and route of proc_net(5).
 */
export async function holdsAddress(name: string, address: number, network: Cidr): Promise<boolean> {
  const [routes, trie] = await Promise.all(['route', 'fib_trie'].map(read));
  return hasRoute(routes ?? '', name, network) && hasLocal(trie ?? '', address);
}

/** Whether the text of `route` has the network behind the interface, without a gateway. */
export function hasRoute(text: string, name: string, { first, bits }: Cidr): boolean {
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  const rows = text.split('\n').map(line => line.trim().split(/\s+/));
  return rows.some(
    ([iface, destination, gateway, , , , , own]) =>
      iface === name && destination === inHex(first) && gateway === inHex(0) && own === inHex(mask),
  );
}

/** Whether the text of `fib_trie` has the address as one of this machine. */
export function hasLocal(text: string, address: number): boolean {
  const lines = text.split('\n').map(line => line.trim());
  const own = `|-- ${formatAddress(address)}`;
  return lines.some((line, i) => line === own && lines[i + 1] === '/32 host LOCAL');
}

/** The kernel prints an address as the number that its bytes are on this machine. */
function inHex(address: number): string {
  const bytes = Buffer.alloc(4);
  if (endianness() === 'LE') bytes.writeUInt32LE(address);
  else bytes.writeUInt32BE(address);
  return bytes.toString('hex').toUpperCase();
}

async function read(name: string): Promise<string> {
  return readFile(`/proc/net/${name}`, 'utf8').catch(() => '');
}
