"""The procedure in the admin: the draft to edit, its versions and the ledger to read."""

from procedures.admin import (  # noqa: F401 - each registers its own
    clause,
    outcome,
    path,
    people,
    procedure,
    response,
    severity,
    version,
    writing,
)
