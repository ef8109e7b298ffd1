/** Where the hooks keep which container needs which flag and placeholder: it must outlive a crash of the host. */
export const STATE_DIRECTORY = '/var/lib/incus-agents/protect';
/** Locks, and why a start failed. */
export const RUN_DIRECTORY = '/run/incus-agents';
/** Where Incus prepares mounts for containers that start. */
export const DEVICES = '/var/lib/incus/devices';
