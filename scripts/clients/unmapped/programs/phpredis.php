<?php
$ca = getenv('REDIS_TLS_CA_FILE');
$nodes = explode(',', getenv('REDIS_CLUSTER_NODES'));
$tls = $ca ? [['cafile' => $ca, 'verify_peer' => true, 'verify_peer_name' => true]] : [];
$cluster = new RedisCluster(null, $nodes, 5, 5, false, getenv('REDIS_PASSWORD'), ...$tls);
while (($line = fgets(STDIN)) !== false) {
    [$command, $key, $value] = [...explode(' ', trim($line)), null];
    try {
        $answer = $command === 'SET' ? $cluster->set($key, $value) : $cluster->get($key);
        echo $answer === true ? 'OK' : ($answer === false ? 'ERR false' : $answer), "\n";
    } catch (Exception $error) {
        echo 'ERR ', strtr($error->getMessage(), "\n", ' '), "\n";
    }
}
