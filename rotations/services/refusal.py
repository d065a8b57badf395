"""Why a change of a rota was not made."""

from __future__ import annotations


class RotaRefused(ValueError):
    """The change makes no sense; `code` names why and the text says it to a person."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
