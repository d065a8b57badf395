"""Who may see and change how people are reached, and what was sent to them."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from deadlines.extension import contributions
from directory.models import User
from directory.permissions import Somebody, is_admin, is_auditor
from notifications.models import ContactMethod, PageOut


def may_change_method(user: Somebody, method: ContactMethod) -> bool:
    """One's own, and an admin everybody's: then it still has to be verified by its owner."""
    return isinstance(user, User) and (user.pk == method.user_id or is_admin(user))


def visible_methods(user: Somebody) -> QuerySet[ContactMethod]:
    """One's own; admins and auditors see everybody's."""
    if is_admin(user) or is_auditor(user):
        return ContactMethod.objects.all()
    return ContactMethod.objects.filter(user_id=user.pk or 0)


def visible_page_outs(user: Somebody) -> QuerySet[PageOut]:
    """One's own calls, and others' less those an upper room hides from the person (restricted incidents).

    Verification codes and tests are seen by the person alone.
    """
    others: QuerySet[Any] = PageOut.objects.exclude(subject_type="notifications.method")
    for _, provider in contributions("outbox.visible"):
        others = provider(user, others)
    return PageOut.objects.filter(Q(user_id=user.pk or 0) | Q(pk__in=others.values("pk")))
