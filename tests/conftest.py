"Real data: tests that need it skip without it, and fail instead where REQUIRE_REAL_DATA=1 says that it must be there."
import os
from pathlib import Path
import pytest

def find_real_data(name):
    "The path of a folder under $FASHION_REPRO_DATA; skips (or fails) when it is not there."
    root = os.environ.get("FASHION_REPRO_DATA", "")
    if root and (Path(root)/name).exists(): return Path(root)/name
    missing = f"real data {name!r} not found: set FASHION_REPRO_DATA to the folder that holds it"
    if os.environ.get("REQUIRE_REAL_DATA") == "1": pytest.fail(missing, pytrace=False)
    pytest.skip(missing)

@pytest.fixture
def real_data(): return find_real_data

def pytest_terminal_summary(terminalreporter):
    "How many tests were skipped, and why, in one line each."
    why = {}
    for r in terminalreporter.stats.get("skipped", []):
        reason = r.longrepr[2].removeprefix("Skipped: ") if isinstance(r.longrepr, tuple) else str(r.longrepr)
        why[reason] = why.get(reason, 0) + 1
    for reason, n in why.items(): terminalreporter.write_line(f"skipped {n}: {reason}")
    if not why: terminalreporter.write_line("skipped 0")
