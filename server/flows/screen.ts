import { Failure } from '../base/errors.ts';
import {
  capture,
  type GuestExec,
  hasAgent,
  hasSession,
  lastLines,
  NO_AGENT,
  NO_SESSION,
  type SessionOptions,
  sendKeys,
} from '../guest/keys.ts';
import type { ExecResult } from '../incus/types/exec.ts';
import { ownTmux } from './attach.ts';
import { codeUser } from './code-user.ts';
import type { FlowDeps } from './deps.ts';
import { type RunningSlot, runningSlot } from './owned.ts';

/**
 * Types text into the agent of a slot as its user would, and presses Enter unless `enter` is false. Fails with `agent` when it
 * has ended: the shell in its place would run the text.
 */
export async function sendText(
  deps: FlowDeps,
  name: string,
  text: string,
  enter: boolean,
  signal: AbortSignal,
): Promise<void> {
  const slot = await runningSlot(deps, name, signal);
  await inSession(deps, slot, sendKeys(sessionOf(slot), text, enter), signal);
}

/** What the agent's screen shows, with history above it: the last `lines` lines, or the screen alone. */
export async function captureScreen(
  deps: FlowDeps,
  name: string,
  lines: number | undefined,
  signal: AbortSignal,
): Promise<string> {
  const slot = await runningSlot(deps, name, signal);
  const result = await inSession(deps, slot, capture(sessionOf(slot), lines ?? 0), signal);
  return lastLines(result.stdout.toString('utf8'), lines);
}

/** Whether the agent itself is there, not only the shell that stays when it has ended. */
export async function agentIsThere(deps: FlowDeps, slot: RunningSlot, signal?: AbortSignal): Promise<boolean> {
  const result = await run(deps, slot, hasAgent(sessionOf(slot)), signal);
  if (result.exitCode === 0) return true;
  if (result.exitCode === NO_SESSION || result.exitCode === NO_AGENT) return false;
  throw tmuxFailed(slot, result);
}

/** Whether the agent's tmux session is there: it was started, and may have ended. */
export async function agentRuns(deps: FlowDeps, slot: RunningSlot, signal?: AbortSignal): Promise<boolean> {
  const result = await run(deps, slot, hasSession(sessionOf(slot)), signal);
  return result.exitCode === 0;
}

/** How the tmux session of a slot's agent is reached. */
export function sessionOf(slot: RunningSlot): SessionOptions {
  const { uid, gid, home } = codeUser(slot.instance);
  const { agent } = slot.identity;
  return { container: slot.name, uid, gid, home, tmuxEnv: ownTmux(slot.instance.config), agent };
}

async function inSession(deps: FlowDeps, slot: RunningSlot, exec: GuestExec, signal: AbortSignal): Promise<ExecResult> {
  const result = await run(deps, slot, exec, signal);
  if (result.exitCode === 0) return result;
  if (result.exitCode === NO_SESSION || result.exitCode === NO_AGENT) {
    deps.lookout.look(slot.name);
    const why = result.exitCode === NO_AGENT ? 'it has ended, and a shell is in its place' : 'its tmux session is gone';
    throw new Failure('agent', `No agent runs in ${slot.name}: ${why}.`, {
      hint: 'Resume the session: the conversation goes on in the same slot.',
    });
  }
  throw tmuxFailed(slot, result);
}

function tmuxFailed(slot: RunningSlot, { exitCode, stderr }: ExecResult): Failure {
  return new Failure('agent', `tmux in ${slot.name} failed with exit code ${exitCode}.`, {
    detail: stderr.toString('utf8').slice(0, 1000),
  });
}

function run(deps: FlowDeps, slot: RunningSlot, exec: GuestExec, signal?: AbortSignal): Promise<ExecResult> {
  return deps.incus.exec(slot.name, exec.argv, {
    user: exec.user,
    group: exec.group,
    env: exec.env,
    ...(exec.stdin === undefined ? {} : { stdin: exec.stdin }),
    ...(signal === undefined ? {} : { signal }),
  });
}
