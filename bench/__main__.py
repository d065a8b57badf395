"""`make bench`: the floor, a repeated alert, a new alert, on a stack of its own. Figures need a quiet machine.

python -m bench [--seconds 10] [--rounds 3] [--connections 16]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.load import Figures, Request, measure, post

ROOT = Path(__file__).resolve().parent.parent
GOALS = {"repeated alert": 0.60, "new alert": 0.10}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(url: str, process: subprocess.Popen[bytes], seconds: float) -> None:
    limit = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return
        except OSError:
            pass
        if process.poll() is not None or time.monotonic() > limit:
            sys.exit(f"bench: {url} does not answer.")
        time.sleep(0.2)


@contextmanager
def running(command: list[str], env: dict[str, str], url: str) -> Iterator[None]:
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        wait_for(url, process, 300)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def event(key: str, dedup: str, rule: str) -> bytes:
    body = {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": dedup,
        "payload": {
            "summary": f"{rule} on the bench",
            "source": "bench",
            "severity": "critical",
            "component": "orchestrator",
            "class": rule,
        },
    }
    return post("/v2/enqueue", json.dumps(body).encode())


def prepare(env: dict[str, str]) -> None:
    """No limit per integration, the floor's table, and a first alert to repeat."""
    code = (
        "from alerts.models import Integration; Integration.objects.update(rate_per_minute=0)\n"
        "from django.db import connection; from bench.floor import TABLE; connection.cursor().execute(TABLE)"
    )
    subprocess.run(
        [sys.executable, "manage.py", "shell", "-v0", "-c", code], cwd=ROOT, env=env, check=True
    )


def report(rows: dict[str, list[Figures]]) -> None:
    floor = statistics.median(figures.per_second for figures in rows["floor"])
    print(f"\n{'':<16}{'req/s':>8}{'of floor':>10}{'goal':>7}{'p50 ms':>9}{'p99 ms':>9}  answers")
    for name, runs in rows.items():
        middle = sorted(runs, key=lambda figures: figures.per_second)[len(runs) // 2]
        goal = f"{GOALS[name]:.0%}" if name in GOALS else ""
        print(
            f"{name:<16}{middle.per_second:>8.0f}{middle.per_second / floor:>10.0%}{goal:>7}"
            f"{middle.p50:>9.1f}{middle.p99:>9.1f}  {middle.statuses}"
        )
    print(f"\n{os.cpu_count()} processors, {len(rows['floor'])} rounds, the median round of each.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    options = parser.parse_args()
    ports = {"portal": free_port(), "floor": free_port()}
    with tempfile.TemporaryDirectory(prefix="watchbill-bench-") as folder:
        Path(folder).chmod(0o755)
        outside = {"DATABASE_URL", "REDIS_URL", "EMAIL_URL", "SECRET_KEY"}
        env = {name: value for name, value in os.environ.items() if name not in outside}
        env |= {
            "DATA_DIR": f"{folder}/data",
            "PORT": str(ports["portal"]),
            "DEMO": "1",
            "LOG_LEVEL": "ERROR",
        }
        print("Starting a stack of its own …", flush=True)
        with running(
            [sys.executable, "manage.py", "run"], env, f"http://127.0.0.1:{ports['portal']}/readyz"
        ):
            prepare(env)
            key = json.loads(Path(folder, "data", "demo.json").read_text())["integration_keys"][
                "pagerduty"
            ]
            floor_env = env | {"DJANGO_SETTINGS_MODULE": "bench.settings"}
            server = [
                sys.executable, "-m", "granian", "--interface", "rsgi", "--factory", "portal.rsgi:build",
                "--host", "127.0.0.1", "--port", str(ports["floor"]), "--workers", "2", "--loop", "asyncio",
                "--no-ws", "--runtime-threads", "1", "--no-log",
            ]  # fmt: skip
            with running(server, floor_env, f"http://127.0.0.1:{ports['floor']}/"):
                report(rounds(ports, key, options))


def rounds(
    ports: dict[str, int], key: str, options: argparse.Namespace
) -> dict[str, list[Figures]]:
    """Each kind once per round, so that a slow minute of the machine meets all of them."""
    rows: dict[str, list[Figures]] = {"floor": [], "repeated alert": [], "new alert": []}
    for number in range(options.rounds):
        requests: dict[str, Request] = {
            "floor": lambda n: post("/floor", event(key, "same", "Repeated")),
            "repeated alert": lambda n: event(key, "same", "Repeated"),
            "new alert": lambda n, number=number: event(key, f"{number}-{n}", f"Rule {number}-{n}"),  # type: ignore[misc]
        }
        for name, request in requests.items():
            port = ports["floor" if name == "floor" else "portal"]
            print(f"round {number + 1}: {name} …", flush=True)
            rows[name].append(
                measure(port, request, connections=options.connections, seconds=options.seconds)
            )
    return rows


if __name__ == "__main__":
    main()
