import { Failure } from '../../base/errors.ts';
import { findFingerprint } from '../../images/list.ts';
import { type ErrorData, IMAGE_MISSING } from '../../protocol/errors.ts';
import { isBuildable } from '../build-image.ts';
import type { RequestContext } from '../context.ts';
import type { FlowDeps } from '../deps.ts';

/** The image of a new slot is not there. Says which one, and whether building it is a way out. */
export class ImageMissing extends Failure {
  readonly image: NonNullable<ErrorData['image']>;

  constructor(alias: string, buildable: boolean) {
    const hint = buildable
      ? 'Build it, or name an image that is there.'
      : 'Import it, or name an image that is there: your own configuration does not say how it is built.';
    super('not-found', `There is no image "${alias}" on this Incus.`, { hint, detail: IMAGE_MISSING });
    this.image = { alias, buildable };
  }

  override data(): ErrorData {
    return { ...super.data(), image: this.image };
  }
}

/** The fingerprint of the image that a new slot is made from, by alias or fingerprint. Fails with `ImageMissing`. */
export async function imageFor(deps: FlowDeps, name: string, context: RequestContext): Promise<string> {
  const fingerprint = await findFingerprint(deps.incus, name, context.signal);
  if (fingerprint !== undefined) return fingerprint;
  throw new ImageMissing(name, await isBuildable(deps, name, context));
}
