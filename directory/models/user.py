"""A person who signs in with an e-mail address."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from deadlines.standing import noted
from directory.models.fields import LowerEmailField, validate_zone


class UserManager(BaseUserManager["User"]):
    """Makes people. An address is unique whatever its case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person; without a password nobody can sign in as them. Raises ValueError for no address."""
        if not email:
            raise ValueError("A person needs an e-mail address.")
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A person who may do everything in the admin."""
        return self.create_user(
            email, password, **{**fields, "is_staff": True, "is_superuser": True}
        )

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Somebody who can sign in, be on call and be paged."""

    email = LowerEmailField("e-mail address", unique=True)
    name = models.CharField(max_length=120)
    zone = models.CharField(
        "time zone", max_length=64, default="UTC", validators=[validate_zone],
        help_text="The zone in which times are shown to this person, and in which they sleep.",
    )  # fmt: skip
    is_active = models.BooleanField(
        "active",
        default=True,
        help_text="Off: cannot sign in and is not paged. Rather this than deleting.",
    )
    is_staff = models.BooleanField("may open the admin", default=False)
    is_demo = models.BooleanField(
        "sample person",
        default=False,
        help_text="Made up: no mail can be delivered to the address.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        triggers: ClassVar[list[pgtrigger.Trigger]] = [noted("email", "name", "zone", "is_active")]
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering: ClassVar[list[str]] = ["name", "id"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(name="user_email_lower", condition=Q(email=Lower(F("email")))),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email
