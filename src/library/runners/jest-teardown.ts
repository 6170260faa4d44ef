export { stopRedisClusters as default } from './jest.ts';
