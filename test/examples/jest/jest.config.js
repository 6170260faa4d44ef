module.exports = {
  globalSetup: 'redis-cluster-as-code/jest',
  globalTeardown: 'redis-cluster-as-code/jest/teardown',
  testEnvironment: 'node',
};
