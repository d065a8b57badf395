"""What each process really costs: its proportional share of memory (PSS), as the kernel counts it (Linux).

PostgreSQL's shared buffers stand apart: they fill with the tables up to what its settings allow, and no further.
"""

from __future__ import annotations

from pathlib import Path

from bench.stack import Stack


def megabytes(stack: Stack) -> dict[str, float]:
    """MB by process. PostgreSQL's come and go with the connections: they count as one."""
    found: dict[str, float] = {}
    for name, pids in stack.programs().items():
        counted = [_counted(pid) for pid in sorted(pids)]
        shares = [own for own, _ in counted]
        if name == "postgres":
            found["postgres, shared buffers"] = sum(shared for _, shared in counted)
        if name == "postgres" or len(shares) == 1:
            found[name] = sum(shares)
        else:
            found |= {f"{name} {number}": share for number, share in enumerate(shares, 1)}
    return dict(sorted(found.items()))


def _counted(pid: int) -> tuple[float, float]:
    """Its own share, and what it shares of memory that several map (`Pss_Shmem`)."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0
    sizes = {line.split(":")[0]: line.split()[1] for line in text.splitlines() if "kB" in line}
    whole, shared = int(sizes["Pss"]) / 1024, int(sizes.get("Pss_Shmem", 0)) / 1024
    return whole - shared, shared
