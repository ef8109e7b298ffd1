import type { WelcomeCase } from './welcome.ts';

/** The context keys that menus and welcome texts of the manifest use, with their first values. */
export const CONTEXT_DEFAULTS = {
  'incusAgents.welcome': 'loading' as WelcomeCase,
  'incusAgents.wanting': false,
  'incusAgents.agentTerminal': false,
};

export type ContextKeyValues = typeof CONTEXT_DEFAULTS;
