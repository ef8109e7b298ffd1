/** Keys that a workspace's settings.json may set; for all others only the user's (or the machine's) counts. */
export const WORKSPACE_KEYS = ['agent', 'persistent', 'maxSlots', 'stopTimeout', 'preserveWorkspacePath'] as const;

/** Those of them that each folder of a window may set for itself. */
export const FOLDER_KEYS = ['agent', 'persistent', 'preserveWorkspacePath'] as const;

/** Keys that only the user's own settings may hold, since they name an image, a network, an environment or a command. */
export const MACHINE_KEYS = [
  'profile',
  'image',
  'permissionMode',
  'storagePool',
  'environment',
  'forwardEnv',
  'network',
  'docker',
  'claude.model',
  'claude.effort',
] as const;

/** Keys that say which backend to talk to. */
export const BACKEND_KEYS = ['incusSocket', 'incusProject'] as const;

/** Keys that only the editor's side reads. */
export const CLIENT_KEYS = ['notifications', 'terminalLocation', 'confirmClose'] as const;
