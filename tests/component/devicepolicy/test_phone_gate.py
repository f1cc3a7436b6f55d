"""The gate for phones: unsigned, forged, replayed, too old, swapped, changed, released: refused and told, at every door."""

import asyncio
import io
import json
import secrets
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.ids import new_id
from core.web.endpoint import Endpoint, EndpointInvalid, Public, endpoint
from devicepolicy.identity.gate import WINDOW, phone_endpoint
from devicepolicy.identity.models import NonceRow
from devicepolicy.identity.requests import sign_request
from tests.support.fleet import House, SimPhone

DESIRED = "/api/v1/agent/desired"


def guarded(house: House) -> list[Endpoint]:
    return [one for one in house.fleet.endpoints() if one.guard is not None]


async def test_every_door_for_phones_refuses_an_unsigned_request_before_it_reads_the_body(
    house: House,
) -> None:
    doors = guarded(house)
    assert len(doors) >= 6
    for door in doors:
        for data in (b"", b"{not json", b'{"seq": "x"}') if door.method == "POST" else (b"",):
            status, problem, headers = await SimPhone(house).raw(door.method, f"/api/v1{door.path}", data, {})
            assert (status, problem["code"]) == (401, "signature-missing"), door.name
            digest = ' "content-digest"' if data else ""
            assert headers["WWW-Authenticate"] == "Signature"
            assert headers["Accept-Signature"] == (
                f'phone=("@method" "@path" "@query"{digest});created;alg="ed25519";tag="maskline-agent"'
            )
            assert headers["Content-Type"].startswith("application/problem+json")


async def test_every_door_says_in_the_api_description_how_it_refuses(house: House) -> None:
    for door in guarded(house):
        assert isinstance(door.permission, Public)
        assert door.public_reason
        codes = {kind.code for kind in door.errors}
        assert {"signature-missing", "signature-malformed", "signature-forged", "clock-skewed"} <= codes


async def test_a_request_counts_once(house: House) -> None:
    phone = await house.phone()
    nonce = secrets.token_urlsafe(16)
    assert (await phone.send("GET", "/desired", nonce=nonce))[0] == 200
    for later in (timedelta(0), timedelta(minutes=4)):
        house.clock.advance(later)
        status, problem, _ = await phone.send("GET", "/me", nonce=nonce)
        assert (status, problem["code"]) == (401, "request-replayed")


async def test_a_captured_request_sent_many_times_at_once_counts_once(house: House) -> None:
    phone = await house.phone()
    await phone.apply()
    body = json.dumps(phone.told()).encode()
    headers = sign_request(
        phone.key, phone.device_id, method="POST", target="/api/v1/agent/report",
        created=house.clock.now(), nonce=secrets.token_urlsafe(16), body=body,
    )  # fmt: skip
    answers = await asyncio.gather(
        *(phone.raw("POST", "/api/v1/agent/report", body, headers) for _ in range(6))
    )
    assert sorted(status for status, _, _ in answers) == [200] + [401] * 5
    assert {problem["code"] for status, problem, _ in answers if status == 401} == {"request-replayed"}


@pytest.mark.parametrize("direction", [-1, 1])
async def test_a_wrong_clock_is_told_the_servers_time_and_can_be_set_by_it(
    house: House, direction: int
) -> None:
    phone = await house.phone()
    off = direction * (WINDOW + timedelta(seconds=1))
    status, problem, _ = await phone.send("GET", "/me", created=house.clock.now() + off)
    assert (status, problem["code"]) == (401, "clock-skewed")
    assert problem["facts"] == {"server_time": "2026-11-21T02:00:00.000+00:00", "window_s": 300}
    assert (await phone.send("GET", "/me", created=house.clock.now() + direction * WINDOW))[0] == 200


async def test_nonces_are_kept_as_long_as_their_requests_could_come_again(house: House) -> None:
    phone = await house.phone()
    nonce = secrets.token_urlsafe(16)
    ahead = house.clock.now() + WINDOW
    assert (await phone.send("GET", "/me", nonce=nonce, created=ahead))[0] == 200
    house.clock.advance(2 * WINDOW)
    await house.fleet.sweep()
    status, problem, _ = await phone.send("GET", "/me", nonce=nonce, created=ahead)
    assert (status, problem["code"]) == (401, "request-replayed")
    house.clock.advance(timedelta(minutes=2))
    await house.fleet.sweep()
    status, problem, _ = await phone.send("GET", "/me", nonce=nonce, created=ahead)
    assert (status, problem["code"]) == (401, "clock-skewed")
    assert await house.count(NonceRow) == 0


async def test_one_phone_cannot_speak_for_another(house: House) -> None:
    first, second = await house.phone(), await house.phone()
    for path in ("/me", "/desired"):
        status, problem, _ = await first.send("GET", path, key_id=second.device_id)
        assert (status, problem["code"]) == (401, "signature-forged")
    await first.apply()
    status, problem, _ = await second.send("POST", "/report", first.told(), key_id=first.device_id)
    assert (status, problem["code"]) == (401, "signature-forged")
    assert (await house.row(first.device_id)).report_seq == 0


async def test_an_unknown_phone_is_told_so_and_leaves_no_nonce(house: House) -> None:
    phone = SimPhone(house, device_id=new_id())
    status, problem, _ = await phone.send("GET", "/desired")
    assert (status, problem["code"]) == (401, "device-unknown")
    phone = await house.phone()
    status, problem, _ = await phone.send("GET", "/desired", key=Ed25519PrivateKey.generate())
    assert (status, problem["code"]) == (401, "signature-forged")
    assert await house.count(NonceRow) == 0, "who cannot sign writes nothing"


async def test_a_body_changed_on_its_way_is_refused(house: House) -> None:
    phone = await house.phone()
    body = json.dumps(phone.told()).encode()
    headers = sign_request(
        phone.key, phone.device_id, method="POST", target="/api/v1/agent/report",
        created=house.clock.now(), nonce=secrets.token_urlsafe(16), body=body,
    )  # fmt: skip
    lie = body.replace(b'"battery_percent": 80', b'"battery_percent": 81')
    assert lie != body
    for target, data, more in (
        ("/api/v1/agent/report", lie, {}),
        ("/api/v1/agent/report?x=1", body, {}),
        ("/api/v1/agent/consent", body, {}),
        (
            "/api/v1/agent/report",
            lie,
            {"Content-Digest": "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:"},
        ),
    ):
        status, problem, _ = await phone.raw("POST", target, data, {**headers, **more})
        assert (status, problem["code"]) == (401, "signature-forged"), target
    assert (await phone.raw("POST", "/api/v1/agent/report", body, headers))[0] == 200


async def test_a_released_phone_is_out_with_its_next_request(house: House) -> None:
    phone = await house.phone()
    await phone.obey()
    assert (await house.ask(house.admin, "POST", f"/devices/{phone.device_id}/release"))[0] == 204
    for method, path in (("GET", "/desired"), ("GET", "/me"), ("POST", "/report")):
        status, problem, _ = await phone.send(method, path, phone.told() if method == "POST" else None)
        assert (status, problem["code"]) == (403, "device-released")


async def test_a_bearer_token_opens_no_door_for_phones_and_a_phones_key_none_for_people(house: House) -> None:
    phone = await house.phone()
    for door in guarded(house):
        status, _ = await house.ask(house.admin, door.method, door.path)
        assert status == 401
    status, problem, _ = await phone.send("GET", "/../devices")
    assert status in {401, 404}
    signed = sign_request(
        phone.key, phone.device_id, method="GET", target="/api/v1/devices",
        created=house.clock.now(), nonce=secrets.token_urlsafe(16),
    )  # fmt: skip
    status, problem, _ = await phone.raw("GET", "/api/v1/devices", b"", signed)
    assert (status, problem["code"]) == (401, "unauthenticated")


async def test_too_large_a_body_is_refused_before_its_signature_is_looked_at(house: House) -> None:
    assert house.http is not None
    large = io.BytesIO(b"x" * (1024 * 1024 + 1))
    async with house.http.post("/api/v1/agent/report", data=large) as response:
        assert (response.status, (await response.json(content_type=None))["code"]) == (413, "body-too-large")


async def test_the_kit_refuses_an_endpoint_that_would_leave_the_gate_open(house: House) -> None:
    common = {"summary_zh": "测试", "summary_en": "Test"}

    async def takes_caller(*, caller: object) -> None: ...

    async def takes_nothing() -> None: ...

    with pytest.raises(EndpointInvalid):
        endpoint("GET", "/x", permission="device.read", **common)(takes_caller)
    with pytest.raises(EndpointInvalid):
        endpoint("GET", "/x", permission="device.read", guard=house.fleet.gate.admit, **common)(takes_nothing)
    endpoint("GET", "/x", **phone_endpoint(house.fleet.gate), **common)(takes_caller)


async def test_the_api_description_says_which_doors_want_a_phones_signature(house: House) -> None:
    assert house.http is not None
    headers = {"Authorization": f"Bearer {house.let_in(house.admin)}"}
    async with house.http.get("/openapi.json", headers=headers) as response:
        document = await response.json()
    for door in house.fleet.endpoints():
        described = document["paths"][f"/api/v1{door.path}"][door.method.lower()]
        wanted = [{"signature": []}] if door.guard else described["security"]
        assert described["security"] == wanted, door.name
        assert (door.guard is None) == ({"signature": []} not in described["security"])
