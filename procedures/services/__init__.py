"""Every way a procedure changes: load a file, publish a draft, record an outcome."""

from procedures.rules.faults import Fault, ProcedureRefused
from procedures.services.files import Loaded, dump_procedure, load_procedure
from procedures.services.ledger import OutcomeFacts, record_outcomes
from procedures.services.publishing import PublishNotAllowed, publish

__all__ = [
    "Fault",
    "Loaded",
    "OutcomeFacts",
    "ProcedureRefused",
    "PublishNotAllowed",
    "dump_procedure",
    "load_procedure",
    "publish",
    "record_outcomes",
]
