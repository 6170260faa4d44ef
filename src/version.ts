import { engines, version as ownVersion } from '../package.json';

/** Of this program. A bundle carries it along: it needs no package.json beside itself. */
export function version(): string {
  return ownVersion;
}

/** The oldest Node.js that it runs on: `20.19`. */
export function oldestNode(): string {
  return engines.node.replace('>=', '');
}
