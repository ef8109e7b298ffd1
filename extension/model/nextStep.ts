import type { Model } from './model.ts';

/** What a toast offers besides the log: the title of its button, and the command that it runs. */
export interface NextStep {
  readonly title: string;
  readonly command: string;
  /** What the command need not ask for. */
  readonly text?: string;
}

/** The next step after a failure of a kind, for want of a secret or not. A health check that needs a backend which cannot be had is none. */
export function nextStep(
  kind: string,
  { link, surroundings }: Pick<Model, 'link' | 'surroundings'>,
  secret?: string,
): NextStep | undefined {
  switch (kind) {
    case 'permission':
    case 'unavailable':
    case 'isolation':
      return link.state === 'failed' ? REPAIRS[link.action] : surroundings.linux ? CHECK_HEALTH : undefined;
    case 'untrusted':
      return surroundings.trusted
        ? { title: 'Trust Workspace Configuration…', command: 'incusAgents.trustConfig' }
        : { title: 'Manage Workspace Trust', command: 'workbench.trust.manage' };
    case 'config':
      if (secret !== undefined) return { title: 'Store Secret…', command: 'incusAgents.storeSecret', text: secret };
      return { title: 'Show Configuration', command: 'incusAgents.showConfig' };
    default:
      return undefined;
  }
}

const CHECK_HEALTH: NextStep = { title: 'Check Health', command: 'incusAgents.healthCheck' };

const REPAIRS = {
  restart: { title: 'Restart Backend', command: 'incusAgents.restartBackend' },
  reload: { title: 'Reload Window', command: 'workbench.action.reloadWindow' },
  none: undefined,
} as const;
