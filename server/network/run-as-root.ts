import { randomBytes } from 'node:crypto';
import { Failure } from '../base/errors.ts';
import { readUntrusted } from '../base/files.ts';
import { quote } from '../base/shell.ts';
import type { Incus } from '../incus/client.ts';
import { requireWholeLines } from '../incus/raw-lxc.ts';
import { BREAK, FAILED_DIRECTORY, instanceName } from './hook.ts';

/** Names of the instances that only exist for their hook. */
const CARRIER = 'incus-agents-net-';

/**
 * $1: lines for nft, $2: who may read what came of it. Says that in a file of the carrier's name, since Incus only knows that the start
 * failed; those of earlier ones are removed.
 */
const SCRIPT = [
  'umask 077',
  `mkdir -p -m 755 ${FAILED_DIRECTORY}`,
  `find ${FAILED_DIRECTORY} -name "*${CARRIER}*" -mmin +1 -delete`,
  `f=${FAILED_DIRECTORY}/$LXC_NAME`,
  `lines() { IFS="${BREAK}"; set -f; printf "%s\\n" $1; }`,
  'w=$(lines "$1" | nft -f - 2>&1) && w="ok $w"',
  `printf "%s\\n" "$w" >$f`,
  'chown "$2" $f',
  'exit 1',
].join('; ');

/** Bytes of an answer of nft; a full set of refused addresses has about 15 KiB. */
const LIMIT = 64 * 1024;

/**
 * Gives lines to nft as root on the host, without sudo, and what it wrote: by the hook of an instance without content, whose start the hook ends, so
 * that nothing ever runs in it. About 0.2 s. `pool` is where its empty disk is. Fails with `isolation` when nft refuses.
 */
export async function nftAsRoot(
  incus: Incus,
  pool: string,
  lines: readonly string[],
  signal?: AbortSignal,
): Promise<string> {
  const name = `${CARRIER}${randomBytes(5).toString('hex')}`;
  const hook = `lxc.hook.pre-start = /bin/sh -c ${quote(SCRIPT)} network ${quote(lines.join(BREAK))} ${process.getuid?.() ?? 0}`;
  requireWholeLines(hook);
  const what = 'Asking for the rules of a network';
  const options = { what, ...(signal === undefined ? {} : { signal }) };
  const body = {
    name,
    type: 'container',
    source: { type: 'none' },
    profiles: [],
    config: { 'raw.lxc': hook },
    devices: { root: { type: 'disk', path: '/', pool } },
    start: true,
  };
  const { operation } = await incus.request('POST', '/1.0/instances', body, options);
  try {
    // Its own failure says nothing: the hook always refuses the start. What was begun is waited for, so that it is known how it ended.
    const refused = await incus.wait(operation ?? '', { what }).catch((error: unknown) => error);
    return await answerOf(instanceName(name, incus.target.project), refused);
  } finally {
    await incus.deleteInstance(name);
    await removeOldCarriers(incus);
  }
}

async function answerOf(instance: string, refused: unknown): Promise<string> {
  const answer = (await readUntrusted(`${FAILED_DIRECTORY}/${instance}`, LIMIT))?.toString('utf8').trim();
  if (answer?.startsWith('ok') === true) return answer.slice(2).trim();
  throw new Failure('isolation', `The rules of the network were not taken. ${answer ?? 'The hook did not run.'}`, {
    hint: 'What held before still holds. Run the health check.',
    cause: refused,
  });
}

/** Names of carriers that a backend left behind when it was killed; a young one may be another backend's at work. */
export async function oldCarriers(incus: Incus, now = Date.now()): Promise<string[]> {
  const old = now - 60_000;
  const all = await incus.instances();
  return all
    .filter(({ name, running, createdAt }) => name.startsWith(CARRIER) && !running && Date.parse(createdAt) < old)
    .map(({ name }) => name);
}

/** Removes them. */
export async function removeOldCarriers(incus: Incus, now = Date.now()): Promise<void> {
  for (const name of await oldCarriers(incus, now)) await incus.deleteInstance(name);
}
