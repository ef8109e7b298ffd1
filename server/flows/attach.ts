import { basename } from 'node:path';
import { Failure } from '../base/errors.ts';
import { findProgram } from '../base/programs.ts';
import { attachArgs } from '../guest/attach.ts';
import type { SlotAttachResult, TerminalKind } from '../protocol/methods.ts';
import { codeUser } from './code-user.ts';
import type { FlowDeps } from './deps.ts';
import { runningSlot } from './owned.ts';

/** What a terminal must run to be in a slot: the agent's tmux, or a shell of the user or of root beside it. */
export async function attachTerminal(
  deps: FlowDeps,
  name: string,
  kind: TerminalKind,
  signal: AbortSignal,
): Promise<SlotAttachResult> {
  const { instance, identity } = await runningSlot(deps, name, signal);
  // Whoever goes there wants to know.
  if (kind === 'agent') deps.lookout.look(name);
  const code = codeUser(instance);
  const incus = await findProgram(deps.incusBinary);
  if (incus === undefined)
    throw new Failure(
      'unavailable',
      `The program ${deps.incusBinary} was not found on this computer; terminals need it.`,
      {
        hint: 'Install the Incus client: `sudo apt install incus-client`. One that only your PATH leads to is not used; link it into /usr/local/bin.',
      },
    );
  const what = attachArgs(deps.guest, {
    container: name,
    project: deps.incus.target.project,
    kind,
    cwd: instance.expandedDevices.workspace?.path ?? code.home,
    uid: code.uid,
    gid: code.gid,
    home: code.home,
    incusBinary: incus,
    tmuxEnv: ownTmux(instance.config),
  });
  const title = `${basename(identity.workspace)} ${identity.slot} · ${kind === 'agent' ? (deps.board.facts(name).agent ?? identity.agent) : kind}`;
  const env = { ...what.env, HOME: deps.home, INCUS_SOCKET: deps.incus.target.socketPath };
  return { ...what, env, cwd: '/', title };
}

/** Whether the container's tmux has its socket in our directory; coi's containers have the default one. */
export function ownTmux(config: Readonly<Record<string, string>>): boolean {
  return (config['environment.TMUX_TMPDIR'] ?? '') !== '';
}
