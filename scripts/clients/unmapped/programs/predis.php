<?php
require 'Predis/autoload.php';
$ca = getenv('REDIS_TLS_CA_FILE');
$scheme = $ca ? 'tls' : 'tcp';
$cluster = new Predis\Client(
    array_map(fn ($node) => "$scheme://$node", explode(',', getenv('REDIS_CLUSTER_NODES'))),
    ['cluster' => 'redis', 'parameters' => [
        'password' => getenv('REDIS_PASSWORD'),
        'scheme' => $scheme,
        'ssl' => ['cafile' => $ca, 'verify_peer' => true, 'verify_peer_name' => true],
    ]]
);
while (($line = fgets(STDIN)) !== false) {
    [$command, $key, $value] = [...explode(' ', trim($line)), null];
    try {
        echo $command === 'SET' ? $cluster->set($key, $value) : $cluster->get($key), "\n";
    } catch (Exception $error) {
        echo 'ERR ', strtr($error->getMessage(), "\n", ' '), "\n";
    }
}
