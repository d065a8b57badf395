"""Why a change of a rota was not made."""

from __future__ import annotations

from collections.abc import Sequence

from rotations.rules.proof import Breach


class RotaRefused(ValueError):
    """The change makes no sense; `code` names why and the text says it to a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RosterBroken(RotaRefused):
    """The change would break the roster; `breaches` say how. A manager may let it stand with a reason."""

    def __init__(self, breaches: Sequence[Breach]) -> None:
        said = "; ".join(breach.said.removesuffix(".") for breach in breaches[:3])
        more = f"; and {len(breaches) - 3} more" if len(breaches) > 3 else ""
        super().__init__("roster_broken", f"The roster would break: {said}{more}.")
        self.breaches = tuple(breaches)
