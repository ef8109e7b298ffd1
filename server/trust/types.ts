/** Something that needs the user's approval, pinned by `line` and kept under `source`. */
export interface TrustRequest {
  kind: string;
  what: string;
  /** Absolute path of the file that asks, or of the workspace itself. */
  source: string;
  /** Canonical text of what is asked for. */
  line: string;
  /** Whether it is part of coi's fingerprint of `source`. */
  coi: boolean;
}

/** What is still to be approved and what has been. */
export interface TrustAnswer<T extends TrustRequest = TrustRequest> {
  pending: T[];
  approved: T[];
}
