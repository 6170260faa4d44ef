import type { FastifySerializerCompiler } from 'fastify/types/schema.js';
import type { Observation } from '../stack/observer.ts';

/** What is made of an observation once, for all who ask while it lasts. */
export function onceAnObservation<T>(make: (observation: Observation) => T): (observation: Observation) => T {
  const made = new WeakMap<Observation, { readonly value: T }>();
  return (observation) => {
    const known = made.get(observation);
    if (known !== undefined) return known.value;
    const value = make(observation);
    made.set(observation, { value });
    return value;
  };
}

/** An answer that is given again is written down, and checked against its schema, once. */
export function rememberTexts<Schema>(compile: FastifySerializerCompiler<Schema>): FastifySerializerCompiler<Schema> {
  return (route) => {
    const serialize = compile(route);
    const texts = new WeakMap<object, string>();
    return (data: unknown) => {
      if (typeof data !== 'object' || data === null) return serialize(data);
      const text = texts.get(data) ?? serialize(data);
      texts.set(data, text);
      return text;
    };
  };
}
