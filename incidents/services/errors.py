"""Why a verb refuses."""

from __future__ import annotations

from collections.abc import Sequence

from incidents.gates import Reason


class VerbRefused(Exception):
    """A verb cannot be done now: a code for programs, a sentence for people. Nothing was changed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Forbidden(VerbRefused):
    """The person may see the incident but not do this with it."""

    def __init__(self, message: str) -> None:
        super().__init__("forbidden", message)


class GatesUnmet(VerbRefused):
    """Something must hold first. `reasons` lists all of it; those that may be waived need a reason."""

    def __init__(self, transition: str, reasons: Sequence[Reason]) -> None:
        words = " ".join(reason.text for reason in reasons)
        super().__init__("gates_unmet", f"Not yet ready to {transition}. {words}")
        self.transition = transition
        self.reasons = list(reasons)
