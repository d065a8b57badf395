"""`make bench`: every figure beside the floor that this machine gives in the same run, on a stack of its own.

python -m bench                     accept, mail, clock, oncall, pages, rotas (about ten minutes, on a quiet machine)
python -m bench mail pages          only these
python -m bench storm               10,000 alerts of one service, and whom they must not keep waiting
python -m bench soak --minutes 20   a steady load; what grows?
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable
from functools import partial

from bench import accept, clock, mail, oncall, pages, rotas, soak, storm, table
from bench.smtp import Ledger, mail_server
from bench.stack import Stack, stack_of_its_own

MEASURES: dict[str, Callable[[Stack, Ledger], list[table.Row]]] = {
    "accept": lambda stack, _: accept.rows(stack),
    "mail": mail.rows,
    "clock": lambda *_: clock.rows(),
    "oncall": lambda stack, _: oncall.rows(stack),
    "pages": lambda stack, _: pages.rows(stack),
    "rotas": lambda stack, _: rotas.rows(stack),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", usage="%(prog)s [MEASURE …] [--minutes N]")
    named = [*MEASURES, "storm", "soak"]
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=", ".join(named))
    parser.add_argument("--minutes", type=float, default=20, help="of the soak")
    options = parser.parse_args()
    wanted = options.measures or list(MEASURES)
    if unknown := set(wanted) - set(named):
        parser.error(f"{', '.join(sorted(unknown))}: not among {', '.join(named)}")
    measures = MEASURES | {
        "storm": storm.rows,
        "soak": partial(soak.rows, minutes=options.minutes),
    }
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and everything that was started ends
    print(table.machine())
    print("Starting a stack of its own …", flush=True)
    rows: list[table.Row] = []
    with mail_server() as ledger, stack_of_its_own(ledger.port) as stack:
        for name in wanted:
            found = measures[name](stack, ledger)
            table.show(found)
            rows += found
    table.show(rows)
    table.count_missed(rows)


if __name__ == "__main__":
    main()
