/** An image in the store of Incus. */
export interface Image {
  fingerprint: string;
  aliases: string[];
  properties: Record<string, string>;
  /** `properties.description`. */
  description?: string;
  sizeBytes: number;
  createdAt: string;
  uploadedAt: string;
  architecture: string;
  type: string;
  cached: boolean;
}

/** A name of an image. */
export interface ImageAlias {
  name: string;
  fingerprint: string;
  description: string;
}

/** How an image is made of an instance. */
export interface PublishImage {
  alias?: string;
  properties?: Record<string, string>;
  /** "none" is by far the fastest; default: the server's choice. */
  compression?: 'none' | 'gzip' | 'zstd' | 'xz' | 'lz4' | 'bzip2';
}
