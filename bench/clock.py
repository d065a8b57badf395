"""The clock's own figures: a tick with nothing due beside many pending rows, and how late 200 steps are.

python -m bench.clock [--pending 1000 1000000] [--settled 1000000] [--due 200]

It starts a PostgreSQL of its own in a folder that is gone afterwards. `measure` returns the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import table
from portal.embedded.postgres import Postgres

ROOT = Path(__file__).resolve().parent.parent

Row = dict[str, Any]


def measure(
    pending: tuple[int, ...] = (1_000, 1_000_000), settled: int = 1_000_000, due: int = 200
) -> list[Row]:
    """Each row says what was measured: p50, p99 and the most in ms, the goal for the p99, and for a tick
    the floor, a `SELECT 1` there and back in the same run."""
    asked = f"pending={tuple(pending)!r}, settled={settled}, due={due}"
    with _database() as env:
        code = f"from bench.ticks import measure; measure({asked})"
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", code]
        done = subprocess.run(command, cwd=ROOT, env=env, check=True, stdout=subprocess.PIPE)
    rows: list[Row] = json.loads(done.stdout.splitlines()[-1])
    return rows


@contextmanager
def _database() -> Iterator[dict[str, str]]:
    """The environment of a portal with an empty database of its own, as durable as the real one."""
    with tempfile.TemporaryDirectory(prefix="watchbill-clock-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "data"
        postgres = Postgres(data, ROOT / "var" / "cache")
        postgres.prepare()
        (data / "log").mkdir()
        with (data / "log" / "postgres.log").open("ab") as log:
            server = subprocess.Popen(postgres.command(), stdout=log, stderr=log, cwd=data)
        try:
            postgres.wait(lambda: server.poll() is None)
            yield os.environ | {
                "DATA_DIR": str(data),
                "DATABASE_URL": postgres.url,
                "REDIS_URL": "redis://127.0.0.1:1/0",
                "SECRET_KEY": secrets.token_urlsafe(64),
                "DEMO": "1",
                "LOG_LEVEL": "ERROR",
            }
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(60)


def rows() -> list[table.Row]:
    """The same as rows of the bench's table."""
    return [_shown(row) for row in measure()]


def _shown(row: Row) -> table.Row:
    most = float(row["goal"].split()[0]) * (1000 if row["goal"].endswith(" s") else 1)
    floor = f"{row['floor']:.2f} ms: SELECT 1" if "floor" in row else ""
    figure = f"p50 {row['p50']:.1f} ms, p99 {row['p99']:.1f} ms"
    return table.Row(row["what"], figure, floor, f"p99 < {row['goal']}", row["p99"] < most)


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.clock")
    parser.add_argument("--pending", type=int, nargs="+", default=[1_000, 1_000_000])
    parser.add_argument("--settled", type=int, default=1_000_000)
    parser.add_argument("--due", type=int, default=200)
    options = parser.parse_args()
    rows = measure(tuple(options.pending), options.settled, options.due)
    print(f"{'':<56}{'p50 ms':>9}{'p99 ms':>9}{'most':>9}{'floor':>8}{'goal':>8}")
    for row in rows:
        figures = f"{row['p50']:>9.2f}{row['p99']:>9.2f}{row['most']:>9.2f}"
        print(f"{row['what']:<56}{figures}{row.get('floor', ''):>8}{row['goal']:>8}")


if __name__ == "__main__":
    main()
