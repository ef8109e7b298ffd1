// Which files of a run of tests are worth a second run.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './paths.mjs';

/**
 * The files of a run in which something failed, by the places that its TAP report names. What fails within a test fails that too, so the
 * outermost tests tell. A place in a module of several files stands for all that import it. None where a failure is nobody's: then no
 * second run could mend it.
 */
export function failedFiles(report, files, textOf = file => readFileSync(path.join(root, file), 'utf8')) {
  const text = readFileSync(report, 'utf8');
  const failures = [...text.matchAll(/^not ok \d+ - (.*)(?:\n +[^\n]*){0,4}?\n +location: '(.*?):\d+:\d+'/gm)];
  const owners = failures.map(([, name = '', place = '']) => {
    const own = files.filter(file => name.endsWith(file) || place.endsWith(file));
    return own.length > 0 ? own : files.filter(file => textOf(file).includes(`/${path.basename(place)}'`));
  });
  if (owners.some(own => own.length === 0) || failures.length < count(text, /^not ok /gm)) return [];
  return files.filter(file => owners.some(own => own.includes(file)));
}

function count(text, pattern) {
  return [...text.matchAll(pattern)].length;
}
