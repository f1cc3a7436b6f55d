"""Consent to location, fixes and check-ins of phones, over HTTP."""

import json
from typing import Any

from core.web.endpoint import Endpoint, endpoint
from core.web.wire import WireRequest
from devicepolicy.enrolment.errors import ConsentRequired, ConsentStale
from devicepolicy.enrolment.schemas import AgreementIn, TermsOut
from devicepolicy.identity.gate import Admitted, DeviceGate, phone_endpoint
from devicepolicy.whereabouts.check_ins import MAX_PHOTO_BYTES, CheckIns
from devicepolicy.whereabouts.consent import LocationConsent
from devicepolicy.whereabouts.errors import (
    CheckInRefused,
    CheckInUnknown,
    LocationConsentRequired,
    PhotoRefused,
)
from devicepolicy.whereabouts.fixes import Fixes
from devicepolicy.whereabouts.schemas import (
    CheckInIn,
    CheckInPath,
    CheckInStateOut,
    FixesIn,
    FixesOut,
    LocationConsentOut,
)


def endpoints(
    gate: DeviceGate, consent: LocationConsent, fixes: Fixes, check_ins: CheckIns
) -> list[Endpoint]:
    """Give the endpoints for phones."""
    return [*_consent(gate, consent), *_handing_in(gate, fixes, check_ins)]


def _consent(gate: DeviceGate, consent: LocationConsent) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/agent/location/terms",
        **phone_endpoint(gate),
        summary_zh="现行位置信息单独告知书",
        summary_en="The separate terms on location that are asked for now",
    )
    async def terms(*, caller: Admitted) -> TermsOut:
        del caller
        return TermsOut.of(consent.current())

    @endpoint(
        "GET",
        "/agent/location/consent",
        **phone_endpoint(gate),
        summary_zh="本机员工对位置信息的同意状态",
        summary_en="What this phone's employee agreed to of location",
    )
    async def state(*, caller: Admitted) -> LocationConsentOut:
        return LocationConsentOut.of(await consent.state(caller.phone))

    @endpoint(
        "POST",
        "/agent/location/consent",
        **phone_endpoint(gate, ConsentStale, ConsentRequired),
        summary_zh="记录员工对位置信息的单独同意",
        summary_en="Record the employee's separate consent to location",
    )
    async def agree(*, caller: Admitted, body: AgreementIn) -> None:
        await consent.agree(caller.phone, body.agreement())

    @endpoint(
        "DELETE",
        "/agent/location/consent",
        **phone_endpoint(gate),
        summary_zh="员工撤回位置信息同意，停止收集并删除轨迹",
        summary_en="The employee withdraws: no location any more, and the tracks are deleted",
    )
    async def withdraw(*, caller: Admitted) -> None:
        await consent.withdraw(caller.phone)

    return [terms, state, agree, withdraw]


def _handing_in(gate: DeviceGate, fixes: Fixes, check_ins: CheckIns) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/agent/location/fixes",
        **phone_endpoint(gate, ConsentRequired, LocationConsentRequired),
        summary_zh="成批上传工作时段内的位置（WGS-84）",
        summary_en="Hand in a batch of fixes of the working hours (WGS-84)",
    )
    async def take(*, caller: Admitted, body: FixesIn, wire: WireRequest) -> FixesOut:
        raw: dict[str, Any] = json.loads(wire.body)
        return FixesOut.of(await fixes.take(caller.phone, body.sent_at, body.taken(raw["fixes"])))

    @endpoint(
        "POST",
        "/agent/location/check-ins",
        **phone_endpoint(gate, ConsentRequired, LocationConsentRequired, CheckInRefused),
        summary_zh="员工打卡：位置、目的和照片的哈希",
        summary_en="Check in: position, purpose and the hash of a picture",
    )
    async def check_in(*, caller: Admitted, body: CheckInIn, wire: WireRequest) -> CheckInStateOut:
        raw: dict[str, Any] = json.loads(wire.body)
        return CheckInStateOut.of(
            await check_ins.take(caller.phone, body.sent_at, body.taken(raw["check_in"]))
        )

    @endpoint(
        "PUT",
        "/agent/location/check-ins/{check_in_id}/photo",
        **phone_endpoint(gate, ConsentRequired, LocationConsentRequired, CheckInUnknown, PhotoRefused),
        summary_zh="打卡照片（JPEG 或 PNG 原始字节）",
        summary_en="The picture of a check-in: JPEG or PNG, as raw bytes",
        max_body_bytes=MAX_PHOTO_BYTES,
    )
    async def photo(*, caller: Admitted, path: CheckInPath, wire: WireRequest) -> CheckInStateOut:
        return CheckInStateOut.of(await check_ins.photo(caller.phone, path.check_in_id, wire.body))

    return [take, check_in, photo]
