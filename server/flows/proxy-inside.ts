import { messageOf } from '../base/errors.ts';
import { quote } from '../base/shell.ts';
import { exportLines } from '../guest/shell.ts';
import { ownDirectory, tmuxDirectory } from '../guest/start.ts';
import { proxyEnvironment } from '../network/proxy/relay.ts';
import { ownTmux } from './attach.ts';
import { codeUser } from './code-user.ts';
import type { FlowDeps } from './deps.ts';
import type { OwnedSlot } from './owned.ts';

/**
 * $1: the file of variables that shells and agents read when they start; on stdin what is to be known by them. It goes before what is there, which
 * may be the user's own for the same names.
 */
const SCRIPT = `set -eu
lines=$(cat)
if [ -f "$1" ]; then
  { printf '%s\\n' "$lines"; cat "$1"; } >"$1.new"
  chmod 600 "$1.new"
  mv "$1.new" "$1"
fi
tmux show-environment -g >/dev/null 2>&1 || exit 0
SET`;

/** Milliseconds that this may take. */
const PATIENCE = 10_000;

/**
 * Tells the shells and agents that start from now on in a slot of the proxy that it just got, and the user of those that run already: nobody
 * can change the variables of a process.
 */
export async function tellOfProxy(
  deps: FlowDeps,
  { name, instance, identity }: OwnedSlot,
  signal: AbortSignal,
): Promise<void> {
  const { uid, gid, home } = codeUser(instance);
  const variables = proxyEnvironment();
  const script = SCRIPT.replace('SET', Object.entries(variables).map(tmuxLine).join('\n'));
  const argv = ['/bin/sh', '-c', script, 'incus-agents-proxy', `${ownDirectory(home)}/environment`];
  const tmux = ownTmux(instance.config) ? { TMUX_TMPDIR: tmuxDirectory(home) } : {};
  const o = { user: uid, group: gid, env: { HOME: home, ...tmux }, stdin: exportLines(variables) };
  try {
    // The change holds already, and root inside can keep this from ever ending.
    const ends = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]);
    const { exitCode } = await deps.incus.exec(name, argv, { ...o, signal: ends });
    if (exitCode !== 0) throw new Error(`exit code ${exitCode}`);
  } catch (error) {
    deps.log.warn(`New shells in ${name} are not told of its proxy: ${messageOf(error)}`);
  }
  const where = `slot ${identity.slot} of ${identity.workspace}`;
  deps.message(
    'warning',
    `The agent that runs in ${where} does not know the proxy by which it reaches the allowed hosts from now on (${variables.HTTPS_PROXY}). ` +
      'Tell it, or end it and start the slot again; its conversation goes on. New shells know it.',
  );
}

/** A variable of tmux, for its later windows, unless it is there already. */
function tmuxLine([name, value]: [string, string]): string {
  return `tmux show-environment -g ${name} >/dev/null 2>&1 || tmux set-environment -g ${name} ${quote(value)}`;
}
