"""Enrolment at the HTTP edge."""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, SecretStr

from core.web.paging import PageQuery
from core.web.schema import ApiModel, IdStr
from devicepolicy.capabilities.facts import Backend, DeviceFacts, Mode
from devicepolicy.devices.model import Trust
from devicepolicy.enrolment.model import Agreement, NewPhone, NewToken, TokenState
from devicepolicy.enrolment.provisioning import SetUp, Wifi
from devicepolicy.enrolment.terms import Language, Terms
from devicepolicy.texts import PhoneText, ShortWord

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
PublicKey = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9_-]{43}$", description="Ed25519 public key, base64url without padding (RFC 8037)"
    ),
]


class WifiIn(ApiModel):
    """A network for the set-up; it stands in the QR code and is not stored."""

    ssid: str = Field(min_length=1, max_length=32)
    password: SecretStr | None = Field(default=None, max_length=63)
    security: Literal["NONE", "WPA", "WEP", "EAP"] = "WPA"
    hidden: bool = False


class TokenCreate(ApiModel):
    """An invitation for one phone. Without `validity_s` the deployment's default holds."""

    name: PhoneText = Field(min_length=1)
    employee_id: IdStr | None = None
    department_id: IdStr | None = None
    policy_id: IdStr | None = None
    validity_s: int | None = Field(default=None, ge=60, le=31_536_000)
    approves: bool = False
    wifi: WifiIn | None = None
    locale: str | None = Field(default=None, pattern=r"^[a-z]{2}_[A-Z]{2}$")
    time_zone: str | None = Field(default=None, pattern=r"^[A-Za-z]+(/[A-Za-z0-9_+-]+)*$", max_length=40)
    leave_system_apps: bool = False
    skip_encryption: bool = False
    use_mobile_data: bool = False

    def wish(self) -> NewToken:
        """Give what the service takes."""
        wifi = None
        if self.wifi is not None:
            password = self.wifi.password.get_secret_value() if self.wifi.password else None
            wifi = Wifi(self.wifi.ssid, password, self.wifi.security, self.wifi.hidden)
        return NewToken(
            name=self.name,
            employee_id=self.employee_id,
            department_id=self.department_id,
            policy_id=self.policy_id,
            validity_s=self.validity_s,
            approves=self.approves,
            set_up=SetUp(
                wifi=wifi,
                locale=self.locale,
                time_zone=self.time_zone,
                leave_system_apps=self.leave_system_apps,
                skip_encryption=self.skip_encryption,
                use_mobile_data=self.use_mobile_data,
            ),
        )


class TokenPath(ApiModel):
    id: IdStr


class TokenListQuery(PageQuery):
    """The list of invitations."""


class TokenOut(ApiModel):
    id: str
    name: str
    employee_id: str | None
    department_id: str | None
    policy_id: str | None
    approves: bool
    created_by: str
    created_at: AwareDatetime
    expires_at: AwareDatetime
    state: TokenState
    device_id: str | None


class TokenIssued(TokenOut):
    """A fresh invitation. Token, text and pictures are shown this once."""

    token: str
    qr_text: str
    qr_svg: str
    qr_png: str = Field(description="base64")


class DevicePath(ApiModel):
    id: IdStr


class HolderChange(ApiModel):
    """Who has the phone from now on; with an employee, the department is theirs."""

    employee_id: IdStr | None
    department_id: IdStr | None = None


class SectionOut(ApiModel):
    title: str
    text: str


class TermsTextOut(ApiModel):
    """The terms in one language; agree to them by `version` and `sha256`."""

    title: str
    sections: list[SectionOut]
    sha256: str


class LegalNoteOut(ApiModel):
    zh: str
    en: str


class TermsOut(ApiModel):
    """The terms that are asked for now."""

    version: str
    effective_from: date
    zh: TermsTextOut
    en: TermsTextOut
    legal: list[LegalNoteOut]

    @classmethod
    def of(cls, terms: Terms) -> "TermsOut":
        zh, en = (
            TermsTextOut(
                title=terms.texts[language].title,
                sections=[SectionOut.model_validate(section) for section in terms.texts[language].sections],
                sha256=terms.sha256[language],
            )
            for language in ("zh", "en")
        )
        legal = [LegalNoteOut.model_validate(note) for note in terms.legal]
        return cls(version=terms.version, effective_from=terms.effective_from, zh=zh, en=en, legal=legal)


class AgreementIn(ApiModel):
    """The employee's yes to the terms as they were shown."""

    version: str = Field(max_length=20)
    sha256: Sha256
    language: Language

    def agreement(self) -> Agreement:
        return Agreement(self.version, self.sha256, self.language)


class PhoneFactsIn(ApiModel):
    """What the phone is."""

    api_level: int = Field(ge=1, le=1000)
    mode: Mode = Mode.FULLY_MANAGED
    backends: frozenset[Backend] = Field(default=frozenset({Backend.ANDROID}), min_length=1)

    def facts(self) -> DeviceFacts:
        return DeviceFacts(self.api_level, self.mode, self.backends)


class EnrolIn(ApiModel):
    """A phone comes in. The request is signed by `public_key`, whose thumbprint (RFC 7638) is its `keyid`."""

    token: SecretStr = Field(min_length=20, max_length=64)
    public_key: PublicKey
    hardware: SecretStr = Field(
        min_length=4, max_length=64, description="Serial number or the like; only a keyed hash of it is kept"
    )
    manufacturer: ShortWord
    model: ShortWord
    os_version: ShortWord
    security_patch: str | None = Field(default=None, pattern=r"^\d{4}-\d{2}-\d{2}$")
    agent_version: ShortWord
    facts: PhoneFactsIn
    consent: AgreementIn

    def phone(self) -> NewPhone:
        """Give what the service takes."""
        return NewPhone(
            token=self.token.get_secret_value(),
            hardware=self.hardware.get_secret_value(),
            manufacturer=self.manufacturer,
            model=self.model,
            os_version=self.os_version,
            security_patch=self.security_patch,
            agent_version=self.agent_version,
            facts=self.facts.facts(),
            agreement=self.consent.agreement(),
        )


class KeyOut(ApiModel):
    """One of the server's signing keys as a JWK (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"
    kid: str
    x: str


class KeySet(ApiModel):
    """The server's signing keys (RFC 7517), the oldest first, and who came after whom, each a JWS."""

    keys: list[KeyOut]
    successions: list[str]


class EnrolledOut(ApiModel):
    """The phone's id, which is the `keyid` of its requests from now on, and whether it waits for approval."""

    device_id: str
    trust: Trust
    keys: list[KeyOut]
    server_time: AwareDatetime
    report_every_s: int


class MeOut(ApiModel):
    """How the server sees the phone that asks."""

    device_id: str
    trust: Trust
    employee_assigned: bool
    terms_version: str | None
    terms_wanted: str
    server_time: AwareDatetime
