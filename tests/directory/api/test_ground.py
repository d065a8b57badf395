"""What every resource shares: who calls, long lists, hostile bodies, and how errors read."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from deadlines.extension import PORTAL
from directory import services
from directory.api.parsers import DEEPEST, LONGEST, depth_of, read_json
from directory.enums import Scope
from directory.models import ApiToken, User
from tests.directory import factories
from tests.directory.factories import bearer

PROBLEM = "application/problem+json"


@pytest.fixture
def admin(db: None) -> User:
    return factories.make_admin()


def problem(answer: Any, status: int) -> dict[str, Any]:
    assert (answer.status_code, answer["content-type"]) == (status, PROBLEM), answer.content
    body: dict[str, Any] = answer.json()
    assert body["status"] == status
    assert set(body) >= {"type", "title", "status", "detail"}
    return body


class TestTokens:
    def test_a_bearer_is_let_in(self, client: Client, admin: User) -> None:
        me = client.get("/api/v1/people/me/", headers=bearer(admin)).json()
        assert (me["id"], me["email"]) == (admin.pk, admin.email)

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        "header",
        [
            "",
            "Bearer",
            "Bearer ",
            "Bearer wb_unknown",
            "Bearer \u00fc\u00ff",
            "Basic YTpi",
            "Bearer a b c",
            "Token x",
        ],
    )
    def test_a_stranger_is_told_how_to_come_in(self, client: Client, header: str) -> None:
        answer = client.get("/api/v1/teams/", headers={"authorization": header})
        problem(answer, 401)
        assert answer["www-authenticate"].startswith("Bearer")

    def test_an_ended_a_revoked_and_an_inactive_ones_token_open_nothing(
        self, client: Client, admin: User
    ) -> None:
        now = timezone.now()
        ended = services.create_token(
            admin.pk,
            "x",
            actor=PORTAL,
            now=now - timedelta(days=2),
            expires_at=now - timedelta(days=1),
        ).key
        revoked = services.create_token(admin.pk, "x", actor=PORTAL, now=now)
        services.revoke_token(revoked.token.pk, actor=PORTAL, now=now)
        inactive = factories.make_key(factories.make_user(is_active=False))
        for key in (ended, revoked.key, inactive):
            answer = client.get("/api/v1/teams/", headers={"authorization": f"Bearer {key}"})
            problem(answer, 401)

    def test_a_reading_token_only_reads(self, client: Client, admin: User) -> None:
        header = bearer(admin, Scope.READ)
        assert client.get("/api/v1/overrides/", headers=header).status_code == 200
        answer = client.post(
            "/api/v1/overrides/", {}, content_type="application/json", headers=header
        )
        assert "only read" in problem(answer, 403)["detail"]

    def test_its_use_is_noted(self, client: Client, admin: User) -> None:
        client.get("/api/v1/teams/", headers=bearer(admin))
        used = ApiToken.objects.get().last_used_at
        assert used is not None
        assert timezone.now() - used < timedelta(minutes=1)

    def test_a_signed_in_browser_needs_the_forgery_token_to_write(self, admin: User) -> None:
        browser = Client(enforce_csrf_checks=True)
        browser.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
        assert browser.get("/api/v1/teams/").status_code == 200
        answer = browser.post("/api/v1/overrides/", {}, content_type="application/json")
        assert "CSRF" in problem(answer, 403)["detail"]


@pytest.mark.django_db
class TestProblems:
    def test_an_unknown_address(self, client: Client) -> None:
        for path in ("/api/v1/", "/api/v1/nothing/", "/api/v1/teams/a/b/c"):
            problem(client.get(path), 404)

    def test_an_unknown_address_is_no_form_of_ours(self) -> None:
        client = Client(enforce_csrf_checks=True)
        problem(client.post("/api/v1/nothing/", {}, content_type="application/json"), 404)

    def test_a_missing_thing(self, client: Client, admin: User) -> None:
        problem(client.get("/api/v1/teams/none/", headers=bearer(admin)), 404)

    def test_a_method_that_is_not(self, client: Client, admin: User) -> None:
        problem(client.delete("/api/v1/teams/", headers=bearer(admin)), 405)

    def test_each_fault_is_named_by_its_field(self, client: Client, admin: User) -> None:
        answer = client.post(
            "/api/v1/overrides/",
            {"rota": "x", "starts_at": "soon"},
            content_type="application/json",
            headers=bearer(admin),
        )
        faults = problem(answer, 400)["errors"]
        assert {(fault["pointer"], fault["code"]) for fault in faults} == {
            ("/starts_at", "invalid"),
            ("/ends_at", "required"),
        }

    def test_a_method_that_nobody_knows(self, client: Client, admin: User) -> None:
        for method in ("TRACE", "CONNECT", "BREW"):
            answer = client.generic(method, "/api/v1/teams/", headers=bearer(admin))
            assert problem(answer, 405)
            assert answer["Allow"] == "GET, HEAD, OPTIONS"

    def test_the_schema_refuses_as_json_too(self, client: Client) -> None:
        problem(client.put("/api/schema/"), 405)

    @pytest.mark.parametrize("host", ["evil.example.org", "a b", "x\x00y", "localhost:80:80", ""])
    def test_a_foreign_host(self, client: Client, admin: User, host: str) -> None:
        for path in ("/api/v1/teams/", "/api/v1/nothing/"):
            problem(client.get(path, headers=bearer(admin) | {"host": host}), 400)

    def test_an_address_says_nothing_of_a_forwarded_host(self, client: Client, admin: User) -> None:
        factories.make_user()
        forged = {"x-forwarded-host": "evil.example.org", "x-forwarded-for": "\x00, 127.0.0.1"}
        answer = client.get("/api/v1/people/?page_size=1", headers=bearer(admin) | forged)
        assert answer.json()["next"].startswith("http://testserver/api/v1/people/?cursor=")

    def test_another_type_is_asked_for(self, client: Client, admin: User) -> None:
        problem(client.get("/api/v1/teams/", headers=bearer(admin) | {"accept": "text/html"}), 406)
        problem(client.get("/api/v1/teams/?format=xml", headers=bearer(admin)), 404)

    def test_another_type_than_json(self, client: Client, admin: User) -> None:
        answer = client.post("/api/v1/overrides/", {"rota": "x"}, headers=bearer(admin))
        problem(answer, 415)

    @pytest.mark.parametrize(
        "query",
        [
            "teams/?cursor=%00",
            "teams/?cursor=cD0lMDA%3D",
            "overrides/?cursor=cD14",
            "overrides/?cursor=bz05OTk5OTk5OTk5OTk5OTk5OTk5OQ%3D%3D",
            "services/?team=%00",
            "services/?team=%ff%fe",
            "people/?email=%00",
            "rotas/?team=%00",
            "overrides/?user=99999999999999999999999",
            "overrides/99999999999999999999999/",
            "overrides/%00/",
            "people/x/",
            "on-call/?at=%00",
            "on-call/?team=%00",
            "shifts/?user=%00",
            "shifts/?user=99999999999999999999999",
        ],
    )
    def test_strange_questions_are_the_askers_fault(
        self, client: Client, admin: User, query: str
    ) -> None:
        answer = client.get(f"/api/v1/{query}", headers=bearer(admin))
        assert answer.status_code in {200, 400, 404}, answer.content


@pytest.mark.django_db
class TestBodies:
    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"[" * 100_000, 400),
            (b"[" * 100_000 + b"]" * 100_000, 400),
            (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400),
            (b"", 400),
            (b"nothing", 400),
            (b"\xff\xfe", 400),
            (b'{"rota": NaN}', 400),
            (b'{"rota": 1e999}', 400),
            (b'{"rota": ' + b"9" * 5_000 + b"}", 400),
            (b'{"reason": "\\u0000"}', 400),
            (b'{"reason": "\x00"}', 400),
            (b'{"reason": "\\ud800"}', 400),
            (b'{"\\udfff": 1}', 400),
            (b"[]", 400),
            (b"null", 400),
            (b'"text"', 400),
            (b" " * (LONGEST + 1), 413),
        ],
    )
    def test_a_hostile_body_is_refused(
        self, client: Client, admin: User, body: bytes, status: int
    ) -> None:
        answer = client.post(
            "/api/v1/overrides/", body, content_type="application/json", headers=bearer(admin)
        )
        problem(answer, status)


class TestDepth:
    def test_brackets_in_texts_do_not_count(self) -> None:
        assert depth_of(b'["[[[[", "\\"[[", {"]": []}]', up_to=99) == 3

    def test_up_to_the_limit_is_read(self) -> None:
        deep = b"[" * DEEPEST + b"]" * DEEPEST
        assert read_json(deep)
        with pytest.raises(ParseError, match="deeper"):
            read_json(b"[" + deep + b"]")

    def test_a_text_without_an_end_takes_no_time(self) -> None:
        assert depth_of(b'"' + b"\\" * 500_000, up_to=9) == 0
        assert depth_of(b'"a' * 250_000, up_to=9) == 0

    @settings(max_examples=200)
    @given(
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
            lambda inner: st.lists(inner) | st.dictionaries(st.text('ab[]{}"\\'), inner),
            max_leaves=20,
        )
    )
    def test_whatever_is_json_is_read_as_it_is(self, value: Any) -> None:
        assert read_json(json.dumps(value).encode()) == value


@pytest.mark.django_db
class TestLists:
    def test_a_page_leads_to_the_next(self, client: Client, admin: User) -> None:
        for _ in range(7):
            factories.make_user()
        header, seen, url = bearer(admin), [], "/api/v1/people/?page_size=3"
        while url:
            page = client.get(url, headers=header).json()
            assert len(page["results"]) <= 3
            seen += [row["id"] for row in page["results"]]
            url = page["next"]
        assert seen == sorted(User.objects.values_list("pk", flat=True))

    def test_a_page_has_an_upper_limit(self, client: Client, admin: User) -> None:
        User.objects.bulk_create(
            User(email=f"{number}@example.org", name="x") for number in range(210)
        )
        for size in ("201", "1000000", "9" * 5000):
            page = client.get(f"/api/v1/people/?page_size={size}", headers=bearer(admin)).json()
            assert len(page["results"]) == 200

    @pytest.mark.parametrize("size", ["1", "01", "0" * 9 + "1", "0" * 500 + "1"])
    def test_a_size_may_begin_with_noughts(self, client: Client, admin: User, size: str) -> None:
        factories.make_user()
        page = client.get(f"/api/v1/people/?page_size={size}", headers=bearer(admin)).json()
        assert (len(page["results"]), bool(page["next"])) == (1, True)

    @pytest.mark.parametrize("size", ["", "0", "000", "-1", "0.5", "1e3", "many", "\u0663", "%00"])
    def test_a_size_that_is_none_is_refused(self, client: Client, admin: User, size: str) -> None:
        answer = client.get(f"/api/v1/people/?page_size={size}", headers=bearer(admin))
        assert problem(answer, 400)["errors"][0]["pointer"].startswith("/page_size")


@pytest.mark.django_db
class TestTrueOrFalse:
    def test_both_are_read_in_any_case_and_nothing_is_no_filter(
        self, client: Client, admin: User
    ) -> None:
        factories.make_user(is_active=False)
        for said, names in (("true", 1), ("False", 1), ("1", 1), ("", 2)):
            answer = client.get(f"/api/v1/people/?is_active={said}", headers=bearer(admin))
            assert len(answer.json()["results"]) == names

    @pytest.mark.parametrize(
        "query",
        [
            "people/?is_active=2",
            "services/?active=perhaps",
            "services/?user_facing=%00",
            "rotas/?active=yes",
            "incidents/?drill=2",
            "action-items/?open=never",
        ],
    )
    def test_another_word_is_refused_and_not_left_out(
        self, client: Client, admin: User, query: str
    ) -> None:
        problem(client.get(f"/api/v1/{query}", headers=bearer(admin)), 400)


@pytest.mark.django_db
def test_the_schema_and_its_page_are_there(client: Client) -> None:
    assert client.get("/api/schema/").status_code == 200
    assert client.get("/api/docs/").status_code == 200


@pytest.mark.django_db
def test_the_schema_says_how_an_operation_refuses(client: Client) -> None:
    paths = client.get("/api/schema/?format=json").json()["paths"]
    said = {
        (path, method): sorted(set(operation["responses"]) - {"200", "201", "204"})
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert said["/api/v1/people/", "get"] == ["400", "401", "404"]
    assert said["/api/v1/people/{id}/", "get"] == ["401", "404"]
    assert said["/api/v1/overrides/", "post"] == ["400", "401", "403", "404", "409", "413", "415"]
    answers = paths["/api/v1/overrides/"]["post"]["responses"]
    assert {next(iter(answers[status]["content"])) for status in ("400", "403", "409")} == {PROBLEM}
