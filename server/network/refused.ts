/** The first number of addresses that are many machines', from which on no address is one machine's. */
const MULTICAST = 224;

/** What a slot asked for and did not get: a name or an address with its port, and how often. */
export interface Blocked {
  host: string;
  count: number;
}

/**
 * The addresses that the rules have refused to a container since it started, as nft lists its table, most frequent first; the kernel counts packets, and a
 * program sends one for each attempt. Without what systems say to everybody on a network all the time.
 */
export function parseRefused(text: string): Blocked[] {
  const elements = text.matchAll(/([\d.]+) \. (tcp|udp) \. (\d+) counter packets (\d+)/g);
  return [...elements]
    .filter(([, address = '']) => Number(address.split('.')[0]) < MULTICAST)
    .map(([, address, protocol, port, packets]) => ({
      host: `${address}:${port}${protocol === 'udp' ? '/udp' : ''}`,
      count: Number(packets),
    }))
    .sort((a, b) => b.count - a.count);
}
