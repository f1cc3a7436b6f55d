#!/usr/bin/env bash
# Everything that must hold at a landing: lint, types, import contracts, migrations and all tests.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
step() { printf '\n== %s\n' "$1"; }
step "ruff"; $bin/ruff format --check . && $bin/ruff check .
step "mypy"; $bin/mypy core gateway qa devicepolicy dashboard maskline
step "import-linter"; $bin/lint-imports --no-cache
step "deptry"; $bin/deptry .
step "pytest"; exec $bin/pytest "$@"
