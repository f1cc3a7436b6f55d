"""Enrolment over HTTP, for phones."""

from core.clock import Clock
from core.web.endpoint import PUBLIC, Endpoint, endpoint
from devicepolicy.devices.model import Trust
from devicepolicy.enrolment.consent import ConsentService
from devicepolicy.enrolment.errors import (
    ConsentStale,
    KeyUsed,
    TokenRefused,
)
from devicepolicy.enrolment.schemas import (
    AgreementIn,
    EnrolIn,
    EnrolledOut,
    KeyOut,
    KeySet,
    MeOut,
    TermsOut,
)
from devicepolicy.enrolment.service import EnrolmentService
from devicepolicy.identity.errors import (
    ClockSkewed,
    KeyNotProved,
    SignatureForged,
    SignatureMalformed,
    SignatureMissing,
)
from devicepolicy.identity.gate import Admitted, DeviceGate, NewKey, phone_endpoint
from devicepolicy.identity.keys import key_text
from devicepolicy.identity.requests import challenge
from devicepolicy.identity.signer import DocumentSigner

WAITING = frozenset({Trust.TRUSTED, Trust.PENDING})


def endpoints(
    gate: DeviceGate,
    service: EnrolmentService,
    consent: ConsentService,
    *,
    signer: DocumentSigner,
    clock: Clock,
    report_every_s: int,
) -> list[Endpoint]:
    """Give what a phone needs to come in."""
    keys = [KeyOut(kid=kid, x=key_text(key)) for kid, key in signer.keys.items()]
    return [
        *_open_endpoints(consent, keys, signer, clock),
        *_enrol(gate, service, keys, clock, report_every_s),
        *_own(gate, consent, clock),
    ]


def _open_endpoints(
    consent: ConsentService, keys: list[KeyOut], signer: DocumentSigner, clock: Clock
) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/agent/terms",
        permission=PUBLIC,
        public_reason="an employee reads the terms before the phone is enrolled",
        summary_zh="现行工作手机告知书",
        summary_en="The terms of use that are asked for now",
        tags=("agent",),
    )
    async def terms() -> TermsOut:
        return TermsOut.of(consent.current())

    @endpoint(
        "GET",
        "/agent/keys",
        permission=PUBLIC,
        public_reason="public keys; the QR code carries the one to believe",
        summary_zh="服务器签名公钥（JWK）",
        summary_en="The server's signing keys (JWK)",
        tags=("agent",),
    )
    async def key_set() -> KeySet:
        return KeySet(keys=keys, successions=signer.successions(clock.now()))

    return [terms, key_set]


def _enrol(
    gate: DeviceGate, service: EnrolmentService, keys: list[KeyOut], clock: Clock, report_every_s: int
) -> list[Endpoint]:
    @endpoint(
        "POST",
        "/agent/enrol",
        permission=PUBLIC,
        public_reason="the token lets in, once; the request is signed by the key that it brings",
        guard=gate.new_key,
        challenge=challenge,
        status=201,
        summary_zh="登记手机",
        summary_en="Enrol a phone",
        errors=(
            SignatureMissing,
            SignatureMalformed,
            SignatureForged,
            ClockSkewed,
            KeyNotProved,
            TokenRefused,
            ConsentStale,
            KeyUsed,
        ),
        tags=("agent",),
    )
    async def enrol(*, caller: NewKey, body: EnrolIn) -> EnrolledOut:
        enrolled = await service.enrol(body.phone(), caller.key)
        return EnrolledOut(
            device_id=enrolled.device_id,
            trust=enrolled.trust,
            keys=keys,
            server_time=clock.now(),
            report_every_s=report_every_s,
        )

    return [enrol]


def _own(gate: DeviceGate, consent: ConsentService, clock: Clock) -> list[Endpoint]:
    @endpoint(
        "GET",
        "/agent/me",
        **phone_endpoint(gate, trust=WAITING),
        summary_zh="本机的登记状态",
        summary_en="How the server sees this phone",
    )
    async def me(*, caller: Admitted) -> MeOut:
        return MeOut(
            device_id=caller.phone.device_id,
            trust=caller.phone.trust,
            employee_assigned=caller.phone.employee_id is not None,
            terms_version=caller.phone.terms_version,
            terms_wanted=consent.current().version,
            server_time=clock.now(),
        )

    @endpoint(
        "POST",
        "/agent/consent",
        **phone_endpoint(gate, ConsentStale, trust=WAITING),
        summary_zh="记录员工对告知书的同意",
        summary_en="Record the employee's consent to the terms",
    )
    async def agree(*, caller: Admitted, body: AgreementIn) -> None:
        await consent.agree(caller.phone, body.agreement())

    @endpoint(
        "DELETE",
        "/agent/consent",
        **phone_endpoint(gate, trust=WAITING),
        summary_zh="员工撤回同意，停止收集",
        summary_en="The employee withdraws; nothing is collected any more",
    )
    async def withdraw(*, caller: Admitted) -> None:
        await consent.withdraw(caller.phone)

    return [me, agree, withdraw]
