// A private subnet that nothing on this machine uses: `incus admin init --auto` finds none where it cannot probe.
import { networkInterfaces } from 'node:os';
import { PrepareError, tryRun } from './shell.mjs';

/** The address and length of the bridge, such as 10.123.77.1/24. */
export function freeSubnet() {
  const used = usedRanges();
  for (let second = 123; second < 250; second++) {
    const first = toNumber(`10.${second}.77.0`);
    if (!used.some(range => range.from <= first + 255 && range.to >= first)) return `10.${second}.77.1/24`;
  }
  throw new PrepareError(
    'Every subnet tried for the bridge is in use. Make one: incus network create incusbr0 ipv4.address=…',
  );
}

/** What the addresses and the routes of this machine cover; the default route covers nothing. */
function usedRanges() {
  const addresses = Object.values(networkInterfaces())
    .flatMap(list => list ?? [])
    .flatMap(entry => (entry.family === 'IPv4' && entry.cidr ? [entry.cidr] : []));
  const routes = tryRun(['ip', '-4', 'route', 'show', 'table', 'all']).stdout;
  const destinations = [...routes.matchAll(/^(?:\w+ )?(\d+\.\d+\.\d+\.\d+(?:\/\d+)?) /gm)].map(match => match[1] ?? '');
  return [...addresses, ...destinations].map(toRange);
}

function toRange(cidr) {
  const [address = '', length = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(length));
  const from = Math.floor(toNumber(address) / size) * size;
  return { from, to: from + size - 1 };
}

function toNumber(address) {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
