"""The shape of what a person types about shifts; what it means is judged by the services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet

from directory.models import User

MINUTES = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]


class Moment(forms.DateTimeField):
    """An instant on the wall clock of the reader's zone, which the view activates."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
        super().__init__(widget=widget, input_formats=MINUTES, **kwargs)

    def clean(self, value: Any) -> datetime | None:
        at: datetime | None = super().clean(value)
        if at is not None and not 2015 <= at.year <= 2050:
            raise forms.ValidationError("Choose a time between 2015 and 2050.")
        return at


class Reason(forms.CharField):
    """A line of text, 300 characters at most."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=300, required=False, **kwargs)


class StretchForm(forms.Form):
    """From when until when."""

    starts_at = Moment(label="From")
    ends_at = Moment(label="Until")
    reason = Reason(label="Reason")
    waiver_reason = Reason(
        label="Let the breaches stand, because",
        help_text="Only if the roster would break and you answer for it. It is kept on record.",
    )

    def __init__(self, *args: Any, manager: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not manager:
            del self.fields["waiver_reason"]


class OverrideForm(StretchForm):
    """Who holds the rota for a while; a manager may name anybody, or nobody. `user` becomes an id, or None."""

    NOBODY = "nobody"
    user = forms.TypedChoiceField(label="Who")
    field_order = ("user", "starts_at", "ends_at", "reason", "waiver_reason")

    def __init__(self, *args: Any, people: QuerySet[User], manager: bool, **kwargs: Any) -> None:
        super().__init__(*args, manager=manager, **kwargs)
        if not manager:
            del self.fields["user"]
            return
        self.fields["user"].coerce = lambda text: None if text == self.NOBODY else int(text)  # type: ignore[attr-defined]
        self.fields["user"].choices = [  # type: ignore[attr-defined]
            ("", "Choose …"),
            *((str(person.pk), str(person)) for person in people),
            (self.NOBODY, "Nobody: leave it vacant"),
        ]


class DaysForm(forms.Form):
    """A whole plan of days: who holds the rota in each of several stretches. `wanted` has what was filled in,
    as (user id or None, from, until)."""

    ROWS = 6
    reason = Reason(label="Reason for all")
    waiver_reason = StretchForm.base_fields["waiver_reason"]

    def __init__(self, *args: Any, people: QuerySet[User], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        who = [
            ("", "Choose …"),
            *((str(person.pk), str(person)) for person in people),
            (OverrideForm.NOBODY, "Nobody: leave it vacant"),
        ]
        for row in range(1, self.ROWS + 1):
            self.fields[f"user_{row}"] = forms.ChoiceField(
                label=f"{row}. Who", choices=who, required=False
            )
            self.fields[f"starts_at_{row}"] = Moment(label=f"{row}. From", required=False)
            self.fields[f"ends_at_{row}"] = Moment(label=f"{row}. Until", required=False)
        self.order_fields([name for name in self.fields if name not in ("reason", "waiver_reason")])

    def clean(self) -> dict[str, Any]:
        typed: dict[str, Any] = super().clean() or self.cleaned_data
        wanted = []
        for row in range(1, self.ROWS + 1):
            names = [f"{name}_{row}" for name in ("user", "starts_at", "ends_at")]
            if any(name in self.errors for name in names):
                continue
            who, starts_at, ends_at = (typed.get(name) for name in names)
            if not (who or starts_at or ends_at):
                continue
            for name in names:
                if not typed.get(name):
                    self.add_error(name, "Fill in the whole row, or leave it empty.")
            wanted.append((None if who == OverrideForm.NOBODY else who, starts_at, ends_at))
        if not wanted and not self.errors:
            raise forms.ValidationError("Fill in a row at least.")
        return {**typed, "wanted": wanted}


class TimeOffForm(StretchForm):
    """When somebody is away; a manager may say it of their people."""

    user = forms.ModelChoiceField(User.objects.none(), label="Who")
    field_order = ("user", "starts_at", "ends_at", "reason", "waiver_reason")

    def __init__(self, *args: Any, people: QuerySet[User], manager: bool, **kwargs: Any) -> None:
        super().__init__(*args, manager=manager, **kwargs)
        if manager:
            self.fields["user"].queryset = people  # type: ignore[attr-defined]
            self.fields["user"].empty_label = "Choose …"  # type: ignore[attr-defined]
        else:
            del self.fields["user"]


class SwapForm(forms.Form):
    """Who is asked to take the chosen stretch, or a part of it, and what the giver takes in exchange."""

    colleague = forms.ChoiceField(widget=forms.RadioSelect, label="Ask")
    starts_at = Moment(label="From", required=False, help_text="Empty: from its beginning.")
    ends_at = Moment(label="Until", required=False, help_text="Empty: until its end.")
    back = forms.ChoiceField(required=False, label="In exchange for")
    note = Reason(label="A word to them")
    waiver_reason = Reason(
        label="Let the breaches stand, because",
        help_text="Only if the roster would break and you answer for it. It is kept on record.",
    )

    def __init__(
        self,
        *args: Any,
        colleagues: list[tuple[str, str]],
        backs: list[tuple[str, list[tuple[str, str]]]],
        manager: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.fields["colleague"].choices = colleagues  # type: ignore[attr-defined]
        self.fields["back"].choices = [("", "Nothing back"), *backs]  # type: ignore[attr-defined]
        if not manager:
            del self.fields["waiver_reason"]
