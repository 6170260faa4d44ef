import type { FastifySerializerCompiler } from 'fastify/types/schema.js';
import type { Observation } from '../../stack/commands/watch/observer.ts';

/** Answers that will be given again, and their texts once there are any. */
const texts = new WeakMap<object, string | undefined>();

/** Says that an answer will be given again, for as long as its observation lasts. */
export function toBeRemembered<T>(answer: T): T {
  if (typeof answer === 'object' && answer !== null) texts.set(answer, undefined);
  return answer;
}

/** What is made of an observation once, for all who ask while it lasts. */
export function onceAnObservation<T>(make: (observation: Observation) => T): (observation: Observation) => T {
  const made = new WeakMap<Observation, { readonly value: T }>();
  return (observation) => {
    const known = made.get(observation);
    if (known !== undefined) return known.value;
    const value = toBeRemembered(make(observation));
    made.set(observation, { value });
    return value;
  };
}

/**
 * An answer that is given again is written down, and checked against its schema, once. One that is given once isn't kept:
 * a WeakMap of short-lived keys costs the garbage collector more than the writing does.
 */
export function rememberTexts<Schema>(compile: FastifySerializerCompiler<Schema>): FastifySerializerCompiler<Schema> {
  return (route) => {
    const serialize = compile(route);
    return (data: unknown) => {
      if (typeof data !== 'object' || data === null || !texts.has(data)) return serialize(data);
      const text = texts.get(data) ?? serialize(data);
      texts.set(data, text);
      return text;
    };
  };
}
