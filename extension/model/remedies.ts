import type { HealthFix } from '../../server/protocol/types.ts';

/** The button under a finding of the health check, and what it does. */
export type Remedy =
  | { readonly button: 'Copy Command'; readonly does: 'copy'; readonly command: string }
  | { readonly button: 'Build Image'; readonly does: 'build'; readonly image?: string }
  | { readonly button: 'Clean Up…'; readonly does: 'clean-up' }
  | { readonly button: 'Fix'; readonly does: 'mend' };

/**
 * What can be done about a finding from here. A command is for the user to run, since it needs rights that we do not take. `undefined`
 * when only the words of the fix help, so that there is no button that must fail.
 */
export function remedyOf(fix: HealthFix): Remedy | undefined {
  if (fix.command !== undefined) return { button: 'Copy Command', does: 'copy', command: fix.command };
  switch (fix.action) {
    case 'build-image':
      return { button: 'Build Image', does: 'build', ...(fix.image === undefined ? {} : { image: fix.image }) };
    case 'clean-up':
      return { button: 'Clean Up…', does: 'clean-up' };
    case 'mend':
      return { button: 'Fix', does: 'mend' };
    default:
      return undefined;
  }
}
