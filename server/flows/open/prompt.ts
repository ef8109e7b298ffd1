import { Failure } from '../../base/errors.ts';
import type { OpenPlan } from './prepare.ts';

/** Bytes that a prompt may have: it is one word of a command line, of which Linux takes 128 KiB (MAX_ARG_STRLEN). */
const LONGEST = 100 * 1024;

/** Stands for a prompt where it is looked for in a command. */
const ANY = 'incus-agents-prompt';

/**
 * Fails with `invalid` for a prompt that the agent would not get with its start: one that is too long, or where the agent's command has no
 * place for it. Nothing is made by then.
 */
export function requirePrompt(plan: OpenPlan, prompt: string | undefined, resumes: boolean): void {
  if (prompt === undefined) return;
  if (Buffer.byteLength(prompt) > LONGEST) {
    throw new Failure(
      'invalid',
      `The prompt is longer than the ${LONGEST / 1024} KiB that an agent can be started with.`,
      {
        hint: 'Put it into a file of the workspace and tell the agent to read that, or send it when the agent is ready.',
      },
    );
  }
  const argv = plan.agent.command({
    sessionId: '',
    permissionMode: 'bypass',
    home: plan.code.home,
    cwd: plan.mountPath,
    signalsDir: '',
    prompt: ANY,
    ...(resumes ? { resume: {} } : {}),
  });
  if (argv.some(word => word.includes(ANY))) return;
  throw new Failure('invalid', `${plan.agent.title} cannot be started with a prompt.`, {
    hint:
      plan.agent.name === 'shell'
        ? 'Open the slot without one; what is typed there is run by the shell.'
        : `Say where it belongs with {prompt} in [agents.${plan.agent.name}], or send it when the agent is ready.`,
  });
}
