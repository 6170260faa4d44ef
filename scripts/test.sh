#!/bin/sh
# From a fresh machine to a finished test run: the setup of bootstrap.sh, then every check and every test, with a real engine
# and a real Redis. The last line counts the tests.
set -eu
sh "$(dirname "$0")/setup.sh" --test-clients "$@"
cd "$(dirname "$0")/.."
npm run --silent check
exec npx tsx scripts/test.ts
