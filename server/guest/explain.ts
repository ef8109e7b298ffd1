import { Failure } from '../base/errors.ts';

const REASONS: Readonly<Record<number, { message: string; hint: string }>> = {
  61: { message: 'the image has no tmux', hint: 'Build the image again, or install tmux in it.' },
  62: {
    message: 'the image lacks the user that owns the workspace',
    hint: 'Build the image again: it needs the user code (uid 1000).',
  },
  63: { message: 'the image has no tar', hint: 'Build the image again, or install tar in it.' },
  64: {
    message: 'its files could not be written in the container',
    hint: 'Look whether the disk of the slot is full, then try again.',
  },
  65: {
    message: 'tmux did not start',
    hint: 'Open a root shell in the slot and run tmux there, or delete the slot and open a new one.',
  },
  66: {
    message: 'the names and resolvers of `[network]` could not be set in the container',
    hint: 'Look at /etc/hosts and /etc/resolv.conf in it, or take `hosts` and `dns_servers` out of the configuration.',
  },
};

/** Why the start of an agent failed, from the exit code and stderr of its exec. The text may come from inside: it is shortened and made printable. */
export function explainStart(exitCode: number, stderr: string): Failure {
  const detail = stderr
    .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '')
    .trim()
    .slice(0, 1000);
  const reason = REASONS[exitCode] ?? {
    message: `its start script ended with exit code ${exitCode}`,
    hint: 'The log has what it printed. Delete the slot and open a new one if it happens again.',
  };
  return new Failure('agent', `The agent did not start: ${reason.message}.`, { hint: reason.hint, detail });
}
