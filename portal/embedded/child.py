"""Becomes another program: as an unprivileged user, and never outliving the process that started it.

Run by path, so it needs neither Django nor the virtual environment:

    child.py --parent PID --death SIGNAL [--user UID:GID | --mapped UID:GID] -- COMMAND …

`--mapped` is for root in a folder that only root may enter: in a user namespace of its own the
program is an ordinary user, without any of root's powers, and its files are root's outside.
"""

import argparse
import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, death: int) -> None:
    """Linux only: the kernel sends `death` to this process as soon as its parent is gone."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)


def become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)


def become_mapped(uid: int, gid: int) -> None:
    if sys.platform != "linux":
        sys.exit("User namespaces are Linux only.")
    owner, group = os.geteuid(), os.getegid()
    os.unshare(os.CLONE_NEWUSER)
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {owner} 1"),
        ("gid_map", f"{gid} {group} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(line)


def pair(text: str) -> tuple[int, int]:
    uid, gid = text.split(":")
    return int(uid), int(gid)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death", type=int, default=int(signal.SIGTERM))
    parser.add_argument("--user", type=pair)
    parser.add_argument("--mapped", type=pair)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    if options.user:
        become(*options.user)
    elif options.mapped:
        become_mapped(*options.mapped)
    die_with_parent(options.parent, options.death)  # last: a change of user clears it
    os.execvp(options.command[0], options.command)  # noqa: S606 - the very purpose


if __name__ == "__main__":
    main()
