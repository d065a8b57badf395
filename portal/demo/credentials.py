"""`demo.json`: the sample people's passwords, tokens and keys, for scripts and the README."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings

from directory.models import Team, User
from portal.demo import cast
from rotations.enums import Level
from rotations.queries import who_is_on_call


def write_credentials(
    team: Team, *, password: str, tokens: dict[str, str], keys: dict[str, str], now: datetime
) -> Path:
    """Keeps `demo.json` (mode 0600) in the data folder. `tokens` are by login, `keys` by kind."""
    path = Path(settings.DATA_DIR) / "demo.json"
    path.touch(mode=0o600)
    path.chmod(0o600)
    facts = {
        "base_url": settings.BASE_URL,
        "password": password,
        "tokens_by_login": tokens,
        "integration_keys": keys,
    }
    path.write_text(
        json.dumps(facts | _by_duty(team, facts, now), indent=2, ensure_ascii=False) + "\n"
    )
    return path


def refresh_credentials(*, now: datetime) -> None:
    """Keeps "primary" and "secondary" in `demo.json` true when the shift has changed."""
    path = Path(settings.DATA_DIR) / "demo.json"
    team = Team.objects.filter(slug=cast.TEAM_SLUG).first()
    if team is None or not path.exists():
        return
    facts = json.loads(path.read_text())
    current = facts | {"base_url": settings.BASE_URL} | _by_duty(team, facts, now)
    if current != facts:
        fresh = path.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(current, indent=2, ensure_ascii=False) + "\n")
        fresh.replace(path)


def _by_duty(team: Team, facts: dict[str, Any], now: datetime) -> dict[str, Any]:
    held = {shift.level: shift.user_id for shift in who_is_on_call(at=now, team_ids=[team.pk])}
    logins = {user.pk: user.email.partition("@")[0] for user in User.objects.filter(is_demo=True)}
    primary = logins.get(held.get(Level.PRIMARY, 0))
    secondary = logins.get(held.get(Level.SECONDARY, 0))
    if primary is None or secondary is None:  # somebody real holds the pager now
        return {}
    others = [c.login for c in cast.ENGINEERS if c.login not in {primary, secondary}]
    duty = {
        "admin": cast.ADMIN.login,
        "manager": cast.MANAGER.login,
        "primary": primary,
        "secondary": secondary,
        "engineer": others[0],
        "security": cast.SECURITY[0].login,
        "outsider": cast.OUTSIDER.login,
        "auditor": cast.AUDITOR.login,
    }
    return {
        "users": {
            word: {"username": f"{login}@{cast.DOMAIN}", "password": facts["password"]}
            for word, login in duty.items()
        },
        "api_tokens": {word: facts["tokens_by_login"][login] for word, login in duty.items()},
        "rotas": [rota.slug for rota in team.rotas.order_by("slug")],
        "services": [service.slug for service in team.services.order_by("slug")],
    }
