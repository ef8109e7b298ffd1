import type { Incus } from '../incus/client.ts';

/** What a probe from inside found: whether the host lets nothing of it be reached, as it must in every mode but `open`. */
export type Verified = 'held' | 'open' | 'unknown';

/** A port of the host that nothing listens on: without rules the host refuses the connection, with them it has no route. */
const SCRIPT = 'exec 3<>/dev/tcp/$0/1';

/**
 * Tries from inside a running container to reach the host, which is the first thing that every rule set forbids and which all of its
 * rules came into force with. Nothing leaves the machine, whatever comes out. Fails as the exec does.
 */
export async function verifyNetwork(
  incus: Incus,
  container: string,
  gateway: string,
  signal?: AbortSignal,
): Promise<Verified> {
  const argv = ['timeout', '3', 'bash', '-c', SCRIPT, gateway];
  const o = { env: { LC_ALL: 'C' }, limit: 4096, ...(signal === undefined ? {} : { signal }) };
  const { stderr } = await incus.exec(container, argv, o);
  const said = stderr.toString('utf8');
  if (/No route to host/.test(said)) return 'held';
  return /Connection refused/.test(said) ? 'open' : 'unknown';
}
