/** Called with each sign of life of long work; `percent` (0 to 100) where Incus says one. */
export type OnProgress = (text: string, percent?: number) => void;

/** Long work of Incus's. */
export interface Operation {
  id: string;
  class: string;
  description: string;
  status: string;
  statusCode: number;
  /** Whether it has ended, well or not. */
  finished: boolean;
  createdAt: string;
  /** Names of the instances that it works on. */
  instances: string[];
  mayCancel: boolean;
  error: string;
  metadata: Readonly<Record<string, unknown>>;
}
