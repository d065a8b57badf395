"""The PostgreSQL that comes along: what a killed run leaves is mended, what cannot be is said in a sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
import pytest

from portal.embedded import lock, processes
from portal.embedded.identity import Identity, identity_for
from portal.embedded.postgres import Postgres
from portal.embedded.refusal import Refused
from portal.embedded.valkey import Valkey

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "var" / "cache"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

Start = Callable[[Postgres], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a prepared server in the foreground; whatever still runs at the end is ended."""
    with ExitStack() as stack:

        def run(postgres: Postgres) -> subprocess.Popen[bytes]:
            process = subprocess.Popen(
                postgres.command(), stderr=subprocess.DEVNULL, cwd="/", start_new_session=True
            )
            stack.callback(process.wait)
            stack.callback(process.send_signal, signal.SIGQUIT)
            postgres.wait(lambda: process.poll() is None)
            return process

        yield run


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A fresh cluster in a folder that anybody may enter, as pytest's own are not."""
    with TemporaryDirectory(prefix="watchbill-test-") as folder:
        Path(folder).chmod(0o755)
        yield Postgres(Path(folder) / "data", CACHE, durable=False)


def number_in(postgres: Postgres) -> int:
    with psycopg.connect(postgres.url) as connection:
        row = connection.execute("SELECT n FROM kept").fetchone()
        assert row
        return int(row[0])


@pytest.mark.slow
def test_a_killed_run_is_mended_and_its_data_kept(postgres: Postgres, start: Start) -> None:
    postgres.durable = True
    postgres.prepare()
    killed = start(postgres)
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    killed.kill()
    killed.wait()
    assert (postgres.folder / "postmaster.pid").exists()

    postgres.prepare()
    start(postgres)
    assert number_in(postgres) == 7


@pytest.mark.slow
def test_a_pid_file_that_names_a_stranger_is_forgotten(postgres: Postgres, start: Start) -> None:
    """In a container the old number is soon somebody else's; PostgreSQL itself would refuse to start."""
    postgres.prepare()
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (postgres.folder / "postmaster.pid").write_text(
            f"{stranger.pid}\n{postgres.folder}\n0\n5432\n"
        )
        postgres.prepare()
        start(postgres)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.slow
def test_a_server_that_survived_its_supervisor_is_ended_before_the_next(
    postgres: Postgres, start: Start
) -> None:
    postgres.prepare()
    survivor = start(postgres)
    postgres.prepare()
    assert survivor.wait(10) == 0
    start(postgres)


@pytest.mark.slow
def test_data_of_another_major_is_refused_with_what_to_do(postgres: Postgres) -> None:
    postgres.prepare()
    (postgres.folder / "PG_VERSION").write_text("15\n")
    with pytest.raises(Refused, match=r"made by PostgreSQL 15; Watchbill brings 18.*mv "):
        postgres.prepare()


@pytest.mark.slow
def test_only_the_portals_role_may_enter_and_with_its_password(
    postgres: Postgres, start: Start
) -> None:
    postgres.prepare()
    start(postgres)
    for wrong in (
        postgres.url.replace("watchbill:", "watchbill:x"),
        postgres.url.replace("//watchbill:", "//postgres:"),
    ):
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(wrong)
    assert postgres.marker.stat().st_mode & 0o077 == 0


@as_root
@pytest.mark.slow
def test_started_by_root_it_runs_as_somebody_else(postgres: Postgres, start: Start) -> None:
    postgres.prepare()
    process = start(postgres)
    assert Path(f"/proc/{process.pid}").stat().st_uid != 0


@as_root
@pytest.mark.slow
def test_started_by_root_it_runs_in_a_folder_that_only_root_may_enter(
    tmp_path: Path, start: Start
) -> None:
    tmp_path.chmod(0o700)
    postgres = Postgres(tmp_path / "data", tmp_path / "cache", durable=False)
    (tmp_path / "cache").mkdir()
    postgres.prepare()
    assert postgres.identity.mapped
    process = start(postgres)
    inside, outside, _ = Path(f"/proc/{process.pid}/uid_map").read_text().split()
    assert (int(inside) != 0, outside) == (True, "0")
    with psycopg.connect(postgres.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    assert number_in(postgres) == 7


@as_root
def test_a_folder_of_another_person_is_refused_with_both_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Identity, "me", classmethod(lambda cls: Identity(65534, 65534)))
    folder = tmp_path / "postgres"
    folder.mkdir()
    with pytest.raises(Refused, match=r"belongs to root, you are nobody\."):
        identity_for(folder, Path("/bin/true"))


@pytest.mark.slow
def test_a_program_does_not_outlive_the_one_that_started_it(tmp_path: Path) -> None:
    """Linux: the kernel ends it, even when its parent had no chance to."""
    code = (
        "import subprocess, sys; from portal.embedded.identity import Identity\n"
        "child = subprocess.Popen(Identity.me().command(['sleep', '60']))\n"
        "print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout
        child = int(parent.stdout.readline())
        limit = time.monotonic() + 10
        while "sleep" not in processes.command_of(child).split(" ")[0]:
            assert time.monotonic() < limit
        parent.kill()
    while processes.alive(child):
        assert time.monotonic() < limit


@pytest.mark.slow
def test_valkey_asks_for_its_password_and_a_second_start_ends_the_first(tmp_path: Path) -> None:
    import redis  # noqa: PLC0415 - here alone

    valkey = Valkey(tmp_path / "data")
    valkey.prepare()
    first = subprocess.Popen(valkey.command(), stdout=subprocess.DEVNULL, cwd="/")
    valkey.wait(lambda: first.poll() is None)
    stranger = redis.Redis.from_url(valkey.url.replace("redis://:", "redis://:x"))
    with pytest.raises(redis.AuthenticationError):
        stranger.ping()
    stranger.close()
    valkey.prepare()
    first.wait(10)
    second = subprocess.Popen(valkey.command(), stdout=subprocess.DEVNULL, cwd="/")
    valkey.wait(lambda: second.poll() is None)
    second.terminate()
    second.wait(10)


def test_a_lock_has_one_holder_and_is_free_after_it(tmp_path: Path) -> None:
    held = lock.take(tmp_path / "lock")
    assert held
    assert lock.take(tmp_path / "lock") is None
    assert lock.holder(tmp_path / "lock") == str(os.getpid())
    held.close()
    again = lock.take(tmp_path / "lock")
    assert again
    again.close()
