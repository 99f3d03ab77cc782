#!/usr/bin/env bash
# Layout, shell and static checks: nothing here runs the programs.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files '*.c' '*.h' | xargs -r clang-format --dry-run -Werror
git ls-files '*.sh' .ci/run | xargs -r shellcheck
git ls-files 'common/*.c' 'ingest/*.c' 'consumer/*.c' 'tests/load/*.c' 'tests/broker/*.c' 'tests/bench/*.c' |
    xargs -r cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr \
        --suppress=normalCheckLevelMaxBranches --error-exitcode=1 -I . -D_GNU_SOURCE
echo "layout, shell and static checks: clean"
