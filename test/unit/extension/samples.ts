import { Model } from '../../../extension/model/model.ts';
import type { Session, Slot, Snapshot } from '../../../server/protocol/types.ts';

const AT = '2026-01-01T10:00:00Z';

/** A running slot with what a test changes. */
export function aSlot(change: Partial<Slot> = {}): Slot {
  return {
    container: 'coi-0a1b2c3d-1',
    workspace: '/home/me/project',
    slot: 1,
    status: 'running',
    persistent: false,
    agent: 'claude',
    agentState: { state: 'working', since: AT },
    image: 'coi-default',
    network: 'restricted',
    protection: 'locked',
    mounts: [{ source: '/home/me/project', path: '/workspace', readonly: false }],
    createdAt: AT,
    ...change,
  };
}

/** A saved session with what a test changes. */
export function aSession(change: Partial<Session> = {}): Session {
  return {
    id: 'one',
    agent: 'claude',
    workspace: '/home/me/project',
    path: '/workspace',
    live: false,
    persistent: false,
    startedAt: AT,
    savedAt: AT,
    ...change,
  };
}

/** A snapshot of slots and sessions at revision 1. */
export function aSnapshot(slots: Slot[], sessions: Session[] = []): Snapshot {
  return { revision: 1, incus: { status: 'ready', version: '6.0.4' }, slots, sessions };
}

/** A model of a window that has /home/me/project open, with a snapshot in it. */
export function aModel(slots: Slot[], sessions: Session[] = []): Model {
  const model = new Model({
    folders: [{ path: '/home/me/project', name: 'project' }],
    trusted: true,
    linux: true,
    imageMissing: false,
  });
  model.setLink({ state: 'ready' });
  model.applySnapshot(aSnapshot(slots, sessions));
  return model;
}
