#!/bin/sh
# From a fresh machine to a finished test run: the same set-up as bootstrap.sh, then every check and every test, on a real
# engine with a real Redis. The last line counts the tests.
set -eu
sh "$(dirname "$0")/setup.sh" --test-clients "$@"
cd "$(dirname "$0")/.."
npm run --silent check
exec npx tsx scripts/test.ts
