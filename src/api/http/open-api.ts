import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';
import { jsonSchemaTransformObject } from 'fastify-type-provider-zod';

/** What the OpenAPI document says of the service as a whole; the rest comes from the routes' schemas. */
export const OPEN_API: NonNullable<FastifyDynamicSwaggerOptions['openapi']> = {
  openapi: '3.1.0',
  info: {
    title: 'Redis Cluster inspection',
    version: '1.0.0',
    summary: 'What a local Redis Cluster is doing, read-only.',
    description:
      'All answers come from one look at the nodes, which began less than a second before. Errors are `application/problem+json` (RFC 9457). `GET /events` gives the same as server-sent events to the page at `/`.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  servers: [{ url: '/', description: 'This service' }],
  tags: [
    { name: 'cluster', description: 'The cluster and its nodes' },
    { name: 'service', description: 'This service, for what watches over it' },
  ],
  components: {
    securitySchemes: {
      bearer: { type: 'http', scheme: 'bearer', description: 'Only with --token-file' },
      password: {
        type: 'http',
        scheme: 'basic',
        description: 'The token as the password, with any name: for browsers',
      },
    },
  },
  security: [{}, { bearer: [] }, { password: [] }],
};

/** The library describes each schema a second time, for requests. None here has a body. */
export const withSchemas: typeof jsonSchemaTransformObject = (given) => {
  const document = jsonSchemaTransformObject(given);
  const schemas = ('components' in document && document.components?.schemas) || {};
  for (const name of Object.keys(schemas)) if (name.endsWith('Input')) Reflect.deleteProperty(schemas, name);
  return document;
};
