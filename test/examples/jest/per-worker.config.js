module.exports = {
  globalSetup: './global-setup.js',
  globalTeardown: 'redis-cluster-as-code/jest/teardown',
  testEnvironment: 'node',
  maxWorkers: 2,
};
