#!/usr/bin/env python3
"""Makes or mends .venv and installs what is pinned. Runs on any Python from 3.6 on, with nothing else.

    python3 scripts/bootstrap.py [--system pdf,browser]

It finds a Python of at least 3.12, on PATH or among pyenv's. It says in a sentence what it does and
what it cannot do; a second call with nothing to do takes a fraction of a second.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from glob import glob
from typing import Dict, Iterator, List, NoReturn, Optional, Tuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
PYTHON = os.path.join(VENV, "bin", "python")
REQUIREMENTS = os.path.join(ROOT, "requirements.txt")
STAMP = os.path.join(VENV, ".installed")
OLDEST = (3, 12)
NEWEST = (3, 14)

# What a program needs of the system: a probe run by the environment's Python, and Debian's packages.
SYSTEM = {
    "pdf": (
        "PDFs",
        "import ctypes, ctypes.util as u\n"
        "for n in ('pango-1.0', 'pangoft2-1.0'):\n"
        "    ctypes.CDLL(u.find_library(n) or 'lib%s.so.0' % n)\n",
        ["libpango-1.0-0", "libpangoft2-1.0-0"],
        "brew install pango",
    ),
    "browser": (
        "the browser tests",
        "import shutil, sys\n"
        "sys.exit(not any(map(shutil.which, ('chromium', 'chromium-browser', 'google-chrome'))))\n",
        ["chromium"],
        "brew install --cask chromium",
    ),
}


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def fail(text: str) -> NoReturn:
    """Ends with a sentence."""
    sys.exit("watchbill: " + text)


def version_of(python: str) -> Optional[Tuple[int, int]]:
    """(major, minor) of a Python that works and can make environments, or None."""
    code = "import sys, venv, ensurepip, ssl; print('%d %d' % sys.version_info[:2])"
    try:
        done = subprocess.run(
            [python, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    major, minor = done.stdout.decode().split()
    return int(major), int(minor)


def candidates() -> Iterator[str]:
    """Pythons in the order they are tried."""
    chosen = os.environ.get("PYTHON")
    if chosen:
        yield chosen
        return
    names = ["python3"] + ["python%d.%d" % (3, n) for n in range(NEWEST[1], OLDEST[1] - 1, -1)]
    for name in names:
        found = shutil.which(name)
        if found:
            yield found
    homes = [os.environ.get("PYENV_ROOT"), os.path.join(os.path.expanduser("~"), ".pyenv")]
    homes += ["/root/.pyenv", "/opt/pyenv", "/usr/local/pyenv"]
    seen = []
    for home in homes:
        if home and home not in seen:
            seen.append(home)
            folders = glob(os.path.join(home, "versions", "3.*"))
            for folder in sorted(folders, key=numbers, reverse=True):
                yield os.path.join(folder, "bin", "python3")
    for python in sorted(
        glob("/usr/local/bin/python3.1[0-9]") + glob("/opt/homebrew/bin/python3.1[0-9]")
    ):
        yield python


def numbers(folder: str) -> List[int]:
    return [int(part) if part.isdigit() else 0 for part in os.path.basename(folder).split(".")]


def find_python() -> str:
    """The first that will do; ends with a sentence when there is none."""
    old = []
    for python in candidates():
        version = version_of(python)
        if version is None:
            continue
        if OLDEST <= version <= NEWEST:
            return python
        old.append("%s is %d.%d" % ((python,) + version))
    fail(
        "Python 3.12, 3.13 or 3.14 is needed, with its venv module, and none was found%s. Install one (Debian: apt "
        "install python3.12 python3.12-venv; or: pyenv install 3.13), or name it: make run PYTHON=/path/to/python3.12."
        % (" (" + "; ".join(old[:4]) + ")" if old else "")
    )


def environment_works() -> bool:
    """The environment's own Python runs, is of this folder, and has pip. A link leads to somebody else's."""
    if os.path.islink(VENV):
        return False
    code = (
        "import sys, pip, os; sys.exit(not (sys.version_info[:2] >= (3, 12) and "
        "os.path.realpath(sys.prefix) == os.path.realpath(%r)))" % VENV
    )
    try:
        done = subprocess.run(
            [PYTHON, "-c", code], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
    except OSError:
        return False
    return done.returncode == 0


def wanted() -> str:
    """The pins, this script, and where the folder lies: a moved environment is another one."""
    digest = hashlib.sha256(VENV.encode())
    for path in (REQUIREMENTS, os.path.abspath(__file__)):
        with open(path, "rb") as file:
            digest.update(file.read())
    return digest.hexdigest()


def installed() -> str:
    try:
        with open(STAMP) as file:
            return file.read().strip()
    except OSError:
        return ""


def make_environment() -> None:
    if os.path.lexists(VENV):
        say("The environment .venv is stale or half made: it is made again.")
        if os.path.islink(VENV) or not os.path.isdir(VENV):
            os.unlink(VENV)
        else:
            shutil.rmtree(VENV, ignore_errors=True)
    python = find_python()
    say("Making .venv with %s …" % python)
    done = subprocess.run(
        [python, "-m", "venv", VENV], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    if done.returncode:
        fail(
            "The environment could not be made: "
            + done.stdout.decode(errors="replace").strip()[-500:]
        )


def install(digest: str) -> None:
    say("Installing the packages of requirements.txt …")
    if os.path.exists(STAMP):
        os.unlink(STAMP)
    env = clean_environment()
    quiet = [PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-input"]
    with open(REQUIREMENTS) as file:
        pins = [line for line in file if line.startswith("uv==")]
    fast = pins and subprocess.run(quiet + [pins[0].split()[0]], env=env).returncode == 0
    if fast:
        command = [
            PYTHON,
            "-m",
            "uv",
            "pip",
            "sync",
            "--quiet",
            "--python",
            PYTHON,
            "--compile-bytecode",
            REQUIREMENTS,
        ]
        if subprocess.run(command, env=env).returncode == 0:
            finish(digest)
            return
        say("uv could not install them; trying pip …")
    if subprocess.run(quiet + ["-r", REQUIREMENTS], env=env).returncode:
        fail("The packages could not be installed; pip's reason stands above. Is there a network?")
    finish(digest)


def finish(digest: str) -> None:
    with open(STAMP, "w") as file:
        file.write(digest + "\n")


def clean_environment() -> Dict[str, str]:
    """Installs into .venv whatever the caller's shell says; caches go to the data folder without a HOME."""
    env = {
        k: v
        for k, v in os.environ.items()
        if k not in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET")
    }
    home = env.get("HOME", "")
    if not home or not os.access(home, os.W_OK):
        cache = os.path.join(ROOT, "var", "cache")
        env.update(
            HOME=cache,
            UV_CACHE_DIR=os.path.join(cache, "uv"),
            PIP_CACHE_DIR=os.path.join(cache, "pip"),
        )
        os.makedirs(cache, exist_ok=True)
    links = env.get("PIP_FIND_LINKS")
    if links:
        env.setdefault("UV_FIND_LINKS", links)
    index = env.get("PIP_INDEX_URL")
    if index:
        env.setdefault("UV_DEFAULT_INDEX", index)
    env.setdefault("UV_LINK_MODE", "copy")
    env.setdefault("UV_HTTP_TIMEOUT", "180")
    return env


def missing_system(names: List[str]) -> List[str]:
    return [
        name
        for name in names
        if subprocess.run([PYTHON, "-c", SYSTEM[name][1]], stderr=subprocess.DEVNULL).returncode
    ]


def install_system(names: List[str]) -> bool:
    """With apt where that can be done; otherwise names the command. Returns whether all is there."""
    missing = missing_system(names)
    if not missing:
        return True
    packages = [package for name in missing for package in SYSTEM[name][2]]
    apt = shutil.which("apt-get")
    prefix = []  # type: List[str]
    if os.geteuid() != 0:
        sudo = shutil.which("sudo")
        can = (
            sudo and subprocess.run([sudo, "-n", "true"], stderr=subprocess.DEVNULL).returncode == 0
        )
        prefix = [sudo, "-n"] if sudo and can else []
    if apt and (prefix or os.geteuid() == 0):
        say("Installing with apt: %s …" % " ".join(packages))
        env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        command = prefix + [apt, "install", "-y", "-qq", "--no-install-recommends"] + packages
        with open(os.devnull, "w") as nowhere:
            if subprocess.run(command, env=env, stdout=nowhere, stderr=nowhere).returncode:
                subprocess.run(
                    prefix + [apt, "update", "-qq"], env=env, stdout=nowhere, stderr=nowhere
                )
                subprocess.run(command, env=env, stdout=nowhere, stderr=nowhere)
        missing = missing_system(names)
    for name in missing:
        title, _, packages, brew = SYSTEM[name]
        how = brew if sys.platform == "darwin" else "sudo apt-get install " + " ".join(packages)
        say("Missing for %s: %s. Install it with: %s" % (title, " ".join(packages), how))
    return not missing


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--system", default="", help="of the system: " + ", ".join(SYSTEM))
    parser.add_argument(
        "--strict", action="store_true", help="fail when something of the system is missing"
    )
    options = parser.parse_args()
    digest = wanted()
    if installed() != digest or not os.path.exists(PYTHON):
        if not environment_works():
            make_environment()
        install(digest)
    elif not environment_works():
        make_environment()
        install(digest)
    names = [name for name in options.system.split(",") if name]
    if not install_system(names) and options.strict:
        sys.exit(1)


if __name__ == "__main__":
    main()
