import { Failure } from '../../base/errors.ts';
import type { Incus } from '../../incus/client.ts';
import { SOCKET } from './proxy.ts';

/** Name of the disk device that brings the proxy's socket into the container. */
export const PROXY_DEVICE = 'network-proxy';

/** Where its directory is inside, and the port on the container's own loopback that leads to it. */
const INSIDE = '/var/lib/incus-agents/network';
const PORT = 3128;
/** Milliseconds that making the way may take. */
const PATIENCE = 20_000;

/** The socket's directory, which nobody inside can change. */
export function proxyDevice(directory: string): Record<string, string> {
  // Without its directory the container starts all the same, and reaches nothing.
  return { type: 'disk', source: directory, path: INSIDE, readonly: 'true', required: 'false' };
}

/** What programs read to find their proxy; most know only one of the spellings. */
export function proxyEnvironment(): Record<string, string> {
  const url = `http://127.0.0.1:${PORT}`;
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'].flatMap(name => [name, name.toLowerCase()]);
  const local = 'localhost,127.0.0.1,::1';
  return {
    ...Object.fromEntries(names.map(name => [name, url])),
    NO_PROXY: local,
    no_proxy: local,
    // Node's own fetch looks at the others only if it is told to.
    NODE_USE_ENV_PROXY: '1',
  };
}

/** Part of systemd, so every image has it: it listens, and starts the other one with the first connection. */
const SCRIPT = `
for d in /lib/systemd /usr/lib/systemd; do [ -x $d/systemd-socket-proxyd ] && p=$d/systemd-socket-proxyd; done
command -v systemd-socket-activate >/dev/null && [ -n "\${p-}" ] || { echo "systemd-socket-proxyd: not found"; exit 1; }
[ -S "$1" ] || { echo "$1: not found"; exit 1; }
while read -r _ at _; do [ "$at" != "$2" ] || exit 0; done </proc/net/tcp
setsid systemd-socket-activate -l 127.0.0.1:$3 $p "$1" >/dev/null 2>&1 </dev/null &
i=0
while [ $i -lt 100 ]; do
  while read -r _ at _; do [ "$at" != "$2" ] || exit 0; done </proc/net/tcp
  i=$((i + 1)); sleep 0.05
done
echo "nothing listens on port $3"; exit 1
`;

/**
 * Makes the proxy's socket reachable for programs inside, which know proxies on ports only. One that runs is left alone. Fails with
 * `isolation`; whatever happens, nothing is reached but by the proxy.
 */
export async function startRelay(incus: Incus, container: string, signal?: AbortSignal): Promise<void> {
  const listening = `0100007F:${PORT.toString(16).toUpperCase().padStart(4, '0')}`;
  const argv = ['/bin/sh', '-c', SCRIPT, 'incus-agents-relay', `${INSIDE}/${SOCKET}`, listening, String(PORT)];
  // Root inside can keep it from ever ending.
  const limit = AbortSignal.timeout(PATIENCE);
  const ends = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  const { exitCode, stdout } = await incus.exec(container, argv, { signal: ends }).catch((error: unknown) => {
    if (limit.aborted && signal?.aborted !== true) return { exitCode: -1, stdout: Buffer.from('it took too long') };
    throw error;
  });
  if (exitCode === 0) return;
  const why = stdout.toString('utf8').trim().slice(0, 200);
  throw new Failure(
    'isolation',
    `The way to the allowed hosts could not be made in ${container}: ${JSON.stringify(why)}.`,
    {
      hint: 'Use an image with systemd, or another `[network] mode`.',
    },
  );
}
