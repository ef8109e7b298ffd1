import { Failure } from '../base/errors.ts';
import { IncusError } from '../incus/errors.ts';
import type { ExecResult, RunOptions } from '../incus/types/exec.ts';
import type { SlotExecParams, SlotExecResult } from '../protocol/methods.ts';
import { codeUser } from './code-user.ts';
import type { FlowDeps } from './deps.ts';
import { runningSlot } from './owned.ts';

/** Bytes of stdout and of stderr that a reply carries at most. */
const OUTPUT_LIMIT = 16 * 1024 * 1024;

/** Exit code after SIGKILL. */
const KILLED = 137;

/**
 * Runs a command in a slot to its end; any exit code is a result. By default as the code user in the workspace.
 * An abort ends the command and what it started.
 */
export async function execInSlot(deps: FlowDeps, params: SlotExecParams, signal: AbortSignal): Promise<SlotExecResult> {
  const slot = await runningSlot(deps, params.container, signal);
  const code = codeUser(slot.instance);
  const who = identityOf(params.user ?? 'code', code);
  const result = await runIn(deps, slot.name, params.argv, {
    user: who.uid,
    group: who.gid,
    cwd: params.cwd ?? slot.instance.expandedDevices.workspace?.path ?? who.home,
    env: { HOME: who.home, USER: who.name, ...params.env },
    limit: OUTPUT_LIMIT,
    signal,
    ...(params.stdin === undefined ? {} : { stdin: params.stdin }),
  });
  return {
    exitCode: result.exitCode,
    stdout: result.stdout.toString('utf8'),
    stderr: result.stderr.toString('utf8'),
    ...(result.truncated ? { truncated: true } : {}),
  };
}

/** What was killed, or could not be started, may have run into a limit. */
async function runIn(deps: FlowDeps, name: string, argv: readonly string[], o: RunOptions): Promise<ExecResult> {
  try {
    const result = await deps.incus.exec(name, argv, o);
    if (result.exitCode === KILLED) deps.limits.look(name);
    return result;
  } catch (error) {
    if (error instanceof IncusError) deps.limits.look(name);
    throw error;
  }
}

function identityOf(
  user: 'code' | 'root' | number,
  code: ReturnType<typeof codeUser>,
): { uid: number; gid: number; name: string; home: string } {
  if (user === 'code' || user === code.uid) return code;
  if (user === 'root' || user === 0) return { uid: 0, gid: 0, name: 'root', home: '/root' };
  // From 2^31 on Incus would run it as root.
  if (!Number.isInteger(user) || user < 0 || user >= 2 ** 31) {
    throw new Failure('invalid', `${user} is not a user id.`, {
      hint: 'Use "code", "root" or a number below 2147483648.',
    });
  }
  return { uid: user, gid: user, name: String(user), home: '/' };
}
