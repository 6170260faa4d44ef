import type { Engine } from '../../src/engine/engine.ts';

const MUTATING = new Set<keyof Engine>([
  'pullImage',
  'importImage',
  'createNetwork',
  'removeNetwork',
  'createContainer',
  'updateContainer',
  'connectContainer',
  'disconnectContainer',
  'writeFiles',
  'putFile',
  'startContainer',
  'unpauseContainer',
  'stopContainer',
  'restartContainer',
  'removeContainer',
  'removeVolume',
]);

/** The same engine, which tells of each mutating call after it was answered. */
export function watchEngine(engine: Engine, onMutation: (call: string) => void): Engine {
  return new Proxy(engine, {
    get: (target, property, receiver): unknown => {
      const value: unknown = Reflect.get(target, property, receiver);
      if (typeof value !== 'function' || !MUTATING.has(property as keyof Engine)) return value;
      return async (...args: unknown[]): Promise<unknown> => {
        const result: unknown = await Reflect.apply(value, target, args);
        onMutation(`${String(property)} ${String(args[0] instanceof Object ? '' : args[0])}`);
        return result;
      };
    },
  });
}
