#!/usr/bin/env bash
# Everything that must hold at a landing: lint, types, import contracts, migrations and all tests.
# Arguments go to pytest: `scripts/test.sh tests/unit -k ledger` runs just those.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=.venv/bin
step() { printf '\n== %s\n' "$1"; }
# Each whole system is six processes: without bytecode on disk each of them would compile all that it imports.
unset PYTHONDONTWRITEBYTECODE

if [ $# -gt 0 ]; then
    exec $bin/pytest "$@"
fi

step "ruff"
# Apart, not joined by "&&": the shell would let a failing first one pass.
$bin/ruff format --check .
$bin/ruff check .
step "mypy (strict)"; $bin/mypy core gateway qa devicepolicy dashboard maskline
step "import-linter"; $bin/lint-imports --no-cache
step "deptry"; $bin/deptry .

# Both cores. What starts whole systems mostly waits; it goes file by file, as each file shares one system.
reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
failed=0
step "pytest: unit, component, conformance"
$bin/pytest tests/unit tests/component tests/conformance -n 2 -q --junitxml "$reports/fast.xml" || failed=1
# The long ones first, so that all are busy to the end; three, for each waits more than it works, and with four
# the telephones of a test got no core for a second at a time. tests/conftest.py keeps their order.
step "pytest: acceptance, leak, telephony, browser, hardening"
$bin/pytest tests/acceptance tests/leak tests/telephony tests/browser tests/hardening -q \
    -n 3 --dist loadfile --no-loadscope-reorder \
    --junitxml "$reports/system.xml" || failed=1
step "all"
$bin/python - "$reports"/*.xml <<'PY'
import sys
from collections import Counter
from xml.etree import ElementTree

seconds = Counter()
total = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
for report in sys.argv[1:]:
    for suite in ElementTree.parse(report).getroot().iter("testsuite"):
        for key in total:
            total[key] += int(suite.get(key, 0))
        for case in suite.iter("testcase"):
            seconds[case.get("classname", "").replace(".", "/")] += float(case.get("time", 0))
print("longest files: " + ", ".join(f"{name} {spent:.0f} s" for name, spent in seconds.most_common(12)))
bad = total["failures"] + total["errors"]
print(f"{total['tests'] - bad - total['skipped']} passed, {bad} failed, {total['skipped']} skipped")
PY
exit $failed
