"""Every way alerts and integrations may change."""

from alerts.services.heartbeats import beat, make_monitor, stop_watching, watch
from alerts.services.intake import Busy, Receipt, UnknownKey, take, take_events, take_oversized
from alerts.services.keys import NewKey, create_key, keep_key, rotate_key, withdraw_key
from alerts.services.overload import Overloaded
from alerts.services.trials import send_test, start_test
from alerts.services.verdicts import mark_false_positive

__all__ = [
    "Busy",
    "NewKey",
    "Overloaded",
    "Receipt",
    "UnknownKey",
    "beat",
    "create_key",
    "keep_key",
    "make_monitor",
    "mark_false_positive",
    "rotate_key",
    "send_test",
    "start_test",
    "stop_watching",
    "take",
    "take_events",
    "take_oversized",
    "watch",
    "withdraw_key",
]
