"""One command on a machine with nothing but some Python: the right one is found, a broken .venv is made again."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, for an environment in a folder of the test's own."""
    spec = util.spec_from_file_location("bootstrap", ROOT / "scripts" / "bootstrap.py")
    assert spec
    assert spec.loader
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    venv = tmp_path / "clone" / ".venv"
    venv.parent.mkdir()
    monkeypatch.setattr(module, "VENV", str(venv))
    monkeypatch.setattr(module, "PYTHON", str(venv / "bin" / "python"))
    monkeypatch.setattr(module, "STAMP", str(venv / ".installed"))
    monkeypatch.delenv("PYTHON", raising=False)
    monkeypatch.delenv("PYENV_ROOT", raising=False)
    monkeypatch.setenv("HOME", "")
    return module


def pretend_python(path: Path, version: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_python_on_the_path_is_passed_over_for_one_among_pyenvs(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pretend_python(tmp_path / "bin" / "python3", "3 9")
    for version in ("3.9.18", "3.12.1", "3.12.10"):
        found = pretend_python(
            tmp_path / "pyenv" / "versions" / version / "bin" / "python3",
            version.rpartition(".")[0].replace(".", " "),
        )
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert bootstrap.find_python() == found


def test_a_shim_that_leads_nowhere_is_passed_over(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shim = tmp_path / "bin" / "python3.14"
    pretend_python(shim, "3 14")
    shim.write_text("#!/bin/sh\necho 'pyenv: python3.14: command not found' >&2; exit 127\n")
    found = pretend_python(tmp_path / "bin" / "python3.12", "3 12")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert bootstrap.find_python() == found


def test_without_a_python_it_says_what_was_found_and_what_to_do(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old = pretend_python(tmp_path / "bin" / "python3", "3 9")
    monkeypatch.setenv("PYTHON", old)
    with pytest.raises(SystemExit) as ended:
        bootstrap.find_python()
    assert f"{old} is 3.9" in str(ended.value)
    assert "apt install python3.12" in str(ended.value)


@pytest.mark.slow
@pytest.mark.parametrize("broken", ["empty", "file", "link", "moved", "python gone"])
def test_a_broken_environment_is_made_again(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: str
) -> None:
    venv = Path(bootstrap.VENV)
    if broken == "empty":
        venv.mkdir()
    elif broken == "file":
        venv.touch()
    elif broken == "link":
        venv.symlink_to(sys.prefix)
    else:
        home = tmp_path / "elsewhere"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", home], check=True)
        home.rename(venv)
        if broken == "python gone":
            (venv / "bin" / "python").unlink()
    assert not bootstrap.environment_works()
    monkeypatch.setenv("PYTHON", sys.executable)
    bootstrap.make_environment()
    assert bootstrap.environment_works()
    assert not venv.is_symlink()


def test_installing_goes_into_the_environment_whatever_the_shell_says(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    env = bootstrap.clean_environment()
    assert not {"PYTHONPATH", "PIP_TARGET"} & set(env)
    assert os.access(env["HOME"], os.W_OK)
