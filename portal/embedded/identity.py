"""As whom the embedded servers run: PostgreSQL refuses to be root."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portal.embedded.refusal import Refused

LAUNCHER = Path(__file__).with_name("child.py")
SIGINT = 2
SIGTERM = 15


@dataclass(frozen=True, slots=True)
class Identity:
    """`mapped`: root's files, seen by an unprivileged user in a namespace of its own."""

    uid: int
    gid: int
    mapped: bool = False

    @classmethod
    def me(cls) -> Identity:
        return cls(os.geteuid(), os.getegid())

    @property
    def is_me(self) -> bool:
        return not self.mapped and self.uid == os.geteuid()

    @property
    def owner(self) -> tuple[int, int]:
        """Whom its files belong to, seen from outside."""
        return (os.geteuid(), os.getegid()) if self.mapped else (self.uid, self.gid)

    def command(self, command: Sequence[str | Path], *, death: int = SIGTERM) -> list[str]:
        """The command as this identity, ended by the signal `death` when the caller dies."""
        whom: list[str] = []
        if not self.is_me:
            whom = ["--mapped" if self.mapped else "--user", f"{self.uid}:{self.gid}"]
        base = [sys.executable, "-I", "-S", str(LAUNCHER), "--parent", str(os.getpid())]
        return [*base, "--death", str(death), *whom, "--", *map(str, command)]

    def run(
        self, command: Sequence[str | Path], *, cwd: Path, text: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Runs the command to its end with `text` on its standard input."""
        return subprocess.run(
            self.command(command),
            cwd=cwd if self.is_me or self.mapped else "/",
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def own(self, path: Path) -> None:
        """Gives the folder or file to this identity."""
        if os.geteuid() == 0 and not self.is_me:
            os.chown(path, *self.owner)


def identity_for(folder: Path, probe: Path) -> Identity:
    """Whom the servers run as, whose files lie in `folder` and who execute `probe`.

    An ordinary user: oneself. Root: the owner of what already lies in `folder`, or an unprivileged
    user who can get there, or an unprivileged user in a namespace of its own.
    """
    me = Identity.me()
    if me.uid != 0:
        _refuse_foreign(folder, me)
        return me
    nobody = pwd.getpwnam("nobody")
    mapped = Identity(nobody.pw_uid, nobody.pw_gid, mapped=True)
    stranger = Identity(nobody.pw_uid, nobody.pw_gid)
    if folder.exists():
        status = folder.stat()
        owner = Identity(status.st_uid, status.st_gid)
        candidates = [mapped] if owner.uid == 0 else [owner]
    else:
        candidates = [stranger, mapped]
    for candidate in candidates:
        if _works(candidate, folder, probe):
            return candidate
    raise Refused(
        f"PostgreSQL must not run as root, and no unprivileged user can get at {folder}. "
        "Start as an ordinary user, or name another folder: make run DATA_DIR=/var/lib/watchbill."
    )


def _refuse_foreign(folder: Path, me: Identity) -> None:
    if folder.exists() and folder.stat().st_uid != me.uid:
        owner = folder.stat().st_uid
        raise Refused(
            f"{folder} belongs to {_name(owner)}, you are {_name(me.uid)}. Start as {_name(owner)} "
            f"or root, or hand it over: sudo chown -R {_name(me.uid)} {folder.parent}."
        )


def _works(candidate: Identity, folder: Path, probe: Path) -> bool:
    home = folder if folder.exists() else folder.parent
    if candidate.run([probe, "--version"], cwd=Path("/")).returncode:
        return False
    return candidate.run(["/bin/sh", "-c", 'cd "$0"', str(home)], cwd=Path("/")).returncode == 0


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
