"""Reads of the procedure: the version in force, and a version as a policy."""

from __future__ import annotations

from functools import lru_cache

from procedures.models import ProcedureVersion
from procedures.rules.policy import Policy, policy_from_document


@lru_cache(maxsize=128)
def policy_of(version_id: int) -> Policy:
    """A version as rules read it. Versions never change, so each process reads one once.

    Raises `ProcedureVersion.DoesNotExist`.
    """
    version = ProcedureVersion.objects.get(pk=version_id)
    return policy_from_document(version.document, version=version.number)


def current_version(procedure_id: int) -> ProcedureVersion:
    """The newest published version. Raises `ProcedureVersion.DoesNotExist` when there is none."""
    return ProcedureVersion.objects.filter(procedure_id=procedure_id).latest("number")
