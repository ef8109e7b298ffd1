import type { Log } from '../base/log.ts';
import type { Serial } from '../base/serial.ts';
import type { GuestFiles } from '../guest/files.ts';
import type { BuildDeps } from '../images/types.ts';
import type { Incus } from '../incus/client.ts';
import type { SlotNetworks } from '../network/networks.ts';
import type { SessionStore } from '../sessions/store.ts';
import type { SlotBoard } from '../state/board.ts';
import type { InstanceMirror } from '../state/mirror.ts';
import type { TrustStore } from '../trust/store.ts';
import type { LimitGuard } from './limit-guard.ts';
import type { Reservations } from './open/reservation.ts';
import type { Lookout } from './sessions/lookout.ts';
import type { TargetSources } from './target.ts';

/** What every flow works with. */
export interface FlowDeps {
  incus: Incus;
  board: SlotBoard;
  mirror: InstanceMirror;
  /** Changes of one container happen one after the other. */
  serial: Serial;
  reservations: Reservations;
  sessions: SessionStore;
  limits: LimitGuard;
  networks: SlotNetworks;
  lookout: Lookout;
  trust: TrustStore;
  guest: GuestFiles;
  log: Log;
  /** Tells every client something that the user should be able to read. */
  message(level: 'info' | 'warning' | 'error', text: string): void;
  /** Who is responsible for a slot's phase: no other living process has the same. */
  backendKey: string;
  /** Whether the backend with this key lives. */
  backendAlive(key: string): Promise<boolean>;
  /** Home directory and uid of the user that the backend runs as. */
  home: string;
  uid: number;
  /** What says which Incus a backend serves. */
  target: TargetSources;
  /** The command line that terminals run. */
  incusBinary: string;
  /** What image builds work with. */
  build: BuildDeps;
  /** Resolves when the first list of instances is there; fails with the reason why Incus cannot be used. */
  ready(signal?: AbortSignal): Promise<void>;
}
