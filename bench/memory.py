"""What each process really costs: its proportional share of memory (PSS), as the kernel counts it (Linux)."""

from __future__ import annotations

from pathlib import Path

from bench.stack import Stack


def megabytes(stack: Stack) -> dict[str, float]:
    """MB by process. PostgreSQL's come and go with the connections: they count as one."""
    found: dict[str, float] = {}
    for name, pids in stack.programs().items():
        shares = [_share(pid) for pid in sorted(pids)]
        if name == "postgres" or len(shares) == 1:
            found[name] = sum(shares)
        else:
            found |= {f"{name} {number}": share for number, share in enumerate(shares, 1)}
    return dict(sorted(found.items()))


def _share(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next(int(line.split()[1]) / 1024 for line in text.splitlines() if line[:4] == "Pss:")
