const { redisClusters } = require('redis-cluster-as-code/jest');

module.exports = redisClusters({ nodes: 3, perWorker: true });
