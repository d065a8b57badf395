"""Who is on record for what is written."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import cast

import pghistory

from deadlines.extension import Actor


def told_by(actor: Actor) -> pghistory.context:
    """Within it, what is written is on record as this actor's."""
    return pghistory.context(actor=actor.label, user=actor.id if actor.kind == "user" else None)


def on_record[**P, R](verb: Callable[P, R]) -> Callable[P, R]:
    """All that the verb writes is on record as its `actor`'s, who is given by name."""

    @wraps(verb)
    def recorded(*args: P.args, **kwargs: P.kwargs) -> R:
        with told_by(cast("Actor", kwargs["actor"])):
            return verb(*args, **kwargs)

    return recorded
