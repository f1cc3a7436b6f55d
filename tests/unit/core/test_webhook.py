"""Notices to another system: signed by the standard, no redirect, no answer but 2xx is a delivery."""

import base64
import hashlib
import hmac
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import ValidationError

from core.alert_settings import AlertSettings, secret_bytes
from core.clock import ManualClock
from core.webhook import Webhook, WebhookRefused, signature

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""The example of the standard, with its signature below."""


def key() -> bytes:
    found = secret_bytes(SECRET)
    assert found is not None
    return found


def test_the_signature_is_that_of_the_standards_example() -> None:
    signed = signature(key(), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_is_sent_can_be_checked_by_who_gets_it(clock: ManualClock) -> None:
    came: list[tuple[dict[str, str], bytes]] = []

    async def take(request: web.Request) -> web.Response:
        came.append((dict(request.headers), await request.read()))
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/hook", take)
    async with TestServer(app) as server:
        await Webhook(str(server.make_url("/hook")), key(), clock).send("m1", "alert.raised", {"n": 1})
    ((headers, body),) = came
    stamp = headers["webhook-timestamp"]
    expected = hmac.new(key(), f"m1.{stamp}.".encode() + body, hashlib.sha256).digest()
    assert headers["webhook-signature"] == "v1," + base64.b64encode(expected).decode()
    assert (headers["webhook-id"], int(stamp)) == ("m1", int(clock.now().timestamp()))
    assert json.loads(body) == {
        "type": "alert.raised", "timestamp": clock.now().isoformat(), "data": {"n": 1},
    }  # fmt: skip


@pytest.mark.parametrize("status", [302, 400, 410, 500])
async def test_an_answer_that_is_no_yes_is_refused_and_no_redirect_is_followed(
    clock: ManualClock, status: int
) -> None:
    asked: list[str] = []

    async def refuse(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", refuse)
    async with TestServer(app) as server:
        with pytest.raises(WebhookRefused):
            await Webhook(str(server.make_url("/hook")), key(), clock).send("m1", "alert.raised", {})
    assert asked == ["/hook"]


async def test_nobody_there_is_tried_again(clock: ManualClock, unused_tcp_port: int) -> None:
    with pytest.raises(WebhookRefused):
        await Webhook(f"http://127.0.0.1:{unused_tcp_port}/", key(), clock).send("m1", "alert.raised", {})


@pytest.mark.parametrize(
    "settings",
    [
        {"webhook_url": "https://crm.example/hook"},
        {"webhook_secret": SECRET},
        {"webhook_url": "http://crm.example/hook", "webhook_secret": SECRET},
        {"webhook_url": "https://user:pass@crm.example/", "webhook_secret": SECRET},
        {"webhook_url": "https://crm.example/hook", "webhook_secret": "whsec_short"},
        {"webhook_url": "file:///etc/passwd", "webhook_secret": SECRET},
        {"digest_hour": 24},
    ],
)
def test_settings_that_would_not_hold_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError) as told:
        AlertSettings.model_validate(settings)
    assert SECRET not in str(told.value)


def test_this_machine_may_be_told_without_tls() -> None:
    told = {"webhook_url": "http://127.0.0.1:9000/hook", "webhook_secret": SECRET}
    assert AlertSettings.model_validate(told).webhook == ("http://127.0.0.1:9000/hook", key())
    assert AlertSettings().webhook is None
