import type { Operation } from './operation.ts';

/** Something happened to an object. Events can come out of order and be missed: take them as "look again". */
export interface LifecycleEvent {
  type: 'lifecycle';
  /** RFC 3339 with nanoseconds; sorting by it repairs the order. */
  timestamp: string;
  project: string;
  /** E.g. "instance-started"; its first word is the kind of object. */
  action: string;
  /** Path of the object without query: "/1.0/instances/x". */
  source: string;
  /** Name of the instance if it is about one (also about its snapshots). */
  instance?: string;
  context: Readonly<Record<string, unknown>>;
  /** Absent when the guest itself caused it (poweroff, reboot inside). */
  requestor?: { username: string; protocol: string };
}

/** An operation began, went on or ended. */
export interface OperationEvent {
  type: 'operation';
  timestamp: string;
  project: string;
  operation: Operation;
}

/** What Incus tells by itself. */
export type IncusEvent = LifecycleEvent | OperationEvent;

/** Who is told of events, and of the connection that they come by. */
export interface EventHandler {
  /** Connected, also again: list now, and take what comes from here on as changes. */
  onOpen(): void;
  onEvent(event: IncusEvent): void;
  /** The connection is gone or could not be made; the next attempt follows by itself. */
  onClose(reason: string): void;
}

/** Which events are wanted. */
export interface EventsOptions {
  /** Default ["lifecycle", "operation"]. */
  types?: readonly ('lifecycle' | 'operation')[];
  /** Milliseconds without any sign of life after which the connection counts as dead; default 30 000. */
  silence?: number;
}
