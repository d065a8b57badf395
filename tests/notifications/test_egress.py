"""The guard on the way out: the public internet, our own servers, what an admin allowed; nothing else."""

from __future__ import annotations

import http.client
import socket
from typing import Any

import pytest

from notifications import egress
from notifications.channels import webhook
from notifications.channels.clock import AttemptClock
from notifications.enums import Outcome
from notifications.models import AllowedTarget
from notifications.rules.addresses import is_public
from notifications.rules.message import Message
from tests.notifications.factories import WebStub


@pytest.fixture
def guarded(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.BASE_URL = "https://watchbill.example.org"
    settings.EGRESS_GUARD = True
    monkeypatch.setattr(egress, "_rows", ())
    monkeypatch.setattr(egress, "_resolved", {})
    egress.install()


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",  # noqa: S104
     "100.64.0.1", "100.127.255.254", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
     "192.0.2.1", "198.18.0.1", "192.88.99.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1",
     "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:100.64.0.1", "::127.0.0.1",
     "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1",
     "2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:db8::1", "not an address", ""],
)  # fmt: skip
def test_inner_addresses_in_all_their_disguises(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


def test_a_library_that_makes_its_own_connection_is_refused(guarded: None, web: WebStub) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.port)
    with pytest.raises(egress.EgressRefused, match="not on the public internet"):
        connection.request("GET", "/")
    connection.close()

    assert web.requests == []


def test_a_name_that_leads_inside_is_refused(guarded: None, web: WebStub) -> None:
    with pytest.raises(egress.EgressRefused):
        egress.request("GET", f"http://localhost:{web.port}/", clock=AttemptClock(2))

    assert web.requests == []


def test_a_datagram_to_an_inner_address_is_refused(guarded: None) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(egress.EgressRefused),
    ):
        sock.sendto(b"x", ("127.0.0.1", 9))


def test_a_webhook_inside_is_given_up_with_a_reason(guarded: None, web: WebStub) -> None:
    answer = webhook.send(Message("s", "t"), web.url, key="k", clock=AttemptClock(2))

    assert answer.outcome == Outcome.PERMANENT
    assert "an admin can allow it" in answer.text
    assert web.requests == []


def test_a_redirect_inside_is_refused_too(
    guarded: None, web: WebStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(egress, "_rows", (egress.Target("127.0.0.1", web.port),))
    web.answers = [(302, {"Location": "http://127.0.0.1:1/"}, b"")]

    with pytest.raises(egress.EgressRefused):
        egress.request("GET", web.url, clock=AttemptClock(2))


@pytest.mark.parametrize("name", ["REDIS_URL", "EMAIL_URL", "BASE_URL", "HEARTBEAT_URL"])
def test_our_own_servers_are_allowed_on_their_port_only(
    guarded: None, web: WebStub, settings: Any, name: str
) -> None:
    setattr(settings, name, f"http://127.0.0.1:{web.port}")

    egress.check("127.0.0.1", web.port)
    with pytest.raises(egress.EgressRefused):
        egress.check("127.0.0.1", 2 if web.port == 1 else 1)


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.0/8", "localhost"])
def test_an_admin_allows_an_inner_target(
    guarded: None, web: WebStub, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    AllowedTarget.objects.create(host=host, port=web.port, reason="the bridge to the pager")
    egress.read_rows(older_than=0)

    reply = egress.request("POST", f"{web.url}/x", clock=AttemptClock(2), body=b"{}")

    assert reply.status == 200
    with pytest.raises(egress.EgressRefused):
        egress.check("10.0.0.1", web.port)
