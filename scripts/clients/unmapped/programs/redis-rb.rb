require 'redis'

ca = ENV['REDIS_TLS_CA_FILE']
cluster = Redis.new(
  cluster: ENV['REDIS_CLUSTER_NODES'].split(',').map { |node| "#{ca ? 'rediss' : 'redis'}://#{node}" },
  password: ENV['REDIS_PASSWORD'],
  **(ca ? { ssl_params: { ca_file: ca } } : {})
)
$stdout.sync = true
$stdin.each_line do |line|
  command, key, value = line.split
  puts command == 'SET' ? cluster.set(key, value) : cluster.get(key)
rescue StandardError => error
  puts "ERR #{error.class}: #{error.message}".tr("\n", ' ')
end
