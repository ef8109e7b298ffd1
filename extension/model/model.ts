import type { IncusState, Session, Slot, Snapshot, StateChange } from '../../server/protocol/types.ts';
import type { Link } from './backendApi.ts';
import { Emitter } from './emitter.ts';
import {
  applyChange,
  type Difference,
  differenceOf,
  EMPTY_MIRROR,
  fromSnapshot,
  isEmpty,
  type Mirror,
} from './reducer.ts';

/** A folder that is open in this window. */
export interface Folder {
  readonly path: string;
  readonly name: string;
}

/** What the views draw besides the backend's own state. */
export interface Surroundings {
  readonly folders: readonly Folder[];
  readonly trusted: boolean;
  readonly linux: boolean;
  /** Whether the image that new slots use is known to be missing. */
  readonly imageMissing: boolean;
}

/**
 * The in-memory mirror of the backend's state. Everything drawn is read from here, synchronously. Slots and sessions have one writer,
 * the connection; commands only mark rows as pending. What lies around them is told by who watches it.
 */
export class Model {
  private mirror: Mirror = EMPTY_MIRROR;
  private surroundingsValue: Surroundings;
  private linkValue: Link = { state: 'idle' };
  private readonly pendingVerbs = new Map<string, string>();
  private loadedValue = false;

  private readonly changed = new Emitter<Difference>();
  private readonly pendingChanged = new Emitter<string>();
  private readonly surroundingsChanged = new Emitter<void>();

  /** Slots, sessions or Incus changed; tells which rows. */
  readonly onDidChange = this.changed.event;
  /** A container's pending verb came or went. */
  readonly onDidChangePending = this.pendingChanged.event;
  /** The link to the backend, the folders, trust or the image changed. */
  readonly onDidChangeSurroundings = this.surroundingsChanged.event;

  constructor(surroundings: Surroundings) {
    this.surroundingsValue = surroundings;
  }

  /** Replaces everything, as after connecting. */
  applySnapshot(snapshot: Snapshot): void {
    const first = !this.loadedValue;
    this.loadedValue = true;
    this.replace(fromSnapshot(snapshot));
    if (first) this.surroundingsChanged.fire();
  }

  /** Applies one change; the backend connection has made sure that none is missing. */
  applyChange(change: StateChange): void {
    this.replace(applyChange(this.mirror, change));
  }

  setLink(link: Link): void {
    this.linkValue = link;
    this.surroundingsChanged.fire();
  }

  setSurroundings(change: Partial<Surroundings>): void {
    this.surroundingsValue = { ...this.surroundingsValue, ...change };
    this.surroundingsChanged.fire();
  }

  /** Marks a row as being worked on until the returned function is called, so that it shows at once. */
  markPending(container: string, verb: string): () => void {
    this.pendingVerbs.set(container, verb);
    this.pendingChanged.fire(container);
    return () => {
      if (this.pendingVerbs.get(container) !== verb) return;
      this.pendingVerbs.delete(container);
      this.pendingChanged.fire(container);
    };
  }

  get surroundings(): Surroundings {
    return this.surroundingsValue;
  }

  get link(): Link {
    return this.linkValue;
  }

  /** Whether a first snapshot has come. */
  get loaded(): boolean {
    return this.loadedValue;
  }

  get incus(): IncusState {
    return this.mirror.incus;
  }

  get slots(): readonly Slot[] {
    return [...this.mirror.slots.values()];
  }

  get sessions(): readonly Session[] {
    return [...this.mirror.sessions.values()];
  }

  slot(container: string): Slot | undefined {
    return this.mirror.slots.get(container);
  }

  session(id: string): Session | undefined {
    return this.mirror.sessions.get(id);
  }

  pending(container: string): string | undefined {
    return this.pendingVerbs.get(container);
  }

  private replace(next: Mirror): void {
    const difference = differenceOf(this.mirror, next);
    this.mirror = next;
    if (!isEmpty(difference)) this.changed.fire(difference);
  }

  dispose(): void {
    this.changed.dispose();
    this.pendingChanged.dispose();
    this.surroundingsChanged.dispose();
  }
}
