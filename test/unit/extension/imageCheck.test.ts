import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ImageCheck } from '../../../extension/imageCheck.ts';
import type { BackendApi } from '../../../extension/model/backendApi.ts';
import type { ConfigValue } from '../../../server/protocol/types.ts';
import { aModel, aSlot } from './samples.ts';

/** A backend that knows one image, and answers as late as the test wants. */
class Images implements BackendApi {
  there = false;
  asked = 0;
  answered: Promise<void> = Promise.resolve();
  origin: ConfigValue['origin'] = { kind: 'setting' };
  wanted = 'mine';

  readonly request = (async (method: string) => {
    if (method === 'config/show')
      return { values: [{ key: 'container.image', value: this.wanted, origin: this.origin }] };
    this.asked += 1;
    const images = this.there ? [{ alias: 'mine', fingerprint: '0123456789abcdef' }] : [];
    await this.answered;
    return { images };
  }) as BackendApi['request'];
}

function check(slots = aModel([])) {
  const images = new Images();
  const warnings: string[] = [];
  return { model: slots, images, warnings, image: new ImageCheck(slots, images, text => warnings.push(text)) };
}

describe('the check of the image', () => {
  it('tells whether the image is missing, and again when that has changed', async () => {
    const { model, images, image } = check();
    await image.run();
    assert.equal(model.surroundings.imageMissing, true);
    images.there = true;
    await image.run();
    assert.equal(model.surroundings.imageMissing, false);
  });

  it('takes the beginning of a fingerprint for the image, as the backend does', async () => {
    const { model, images, image } = check();
    images.there = true;
    for (const [wanted, missing] of [
      ['0123456789ab', false],
      ['0123456789a', true],
      ['0123456789ac', true],
    ] as const) {
      images.wanted = wanted;
      await image.run();
      assert.equal(model.surroundings.imageMissing, missing, wanted);
    }
  });

  it('that was asked for while it looked looks once more', async () => {
    const { model, images, image } = check();
    const answer = Promise.withResolvers<void>();
    images.answered = answer.promise;
    const first = image.run();
    images.there = true;
    const more = [image.run(), image.run()];
    answer.resolve();
    await Promise.all([first, ...more]);
    assert.equal(model.surroundings.imageMissing, false);
    assert.equal(images.asked, 2);
  });

  it('asks nothing while there are slots, and builds no image that only a project names', async () => {
    const busy = check(aModel([aSlot()]));
    await busy.image.run();
    assert.equal(busy.images.asked, 0);
    const named = check();
    named.images.origin = { kind: 'file', path: '/home/me/project/.coi/config.toml' };
    await named.image.run();
    assert.equal(named.model.surroundings.imageMissing, false);
  });
});
