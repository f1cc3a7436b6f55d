"""Opens the channels that the settings name, for the process that holds them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from core.config import Settings
from core.faults import SettingsInvalid
from core.message_settings import SmppAccount, WeComSettings
from core.vault import Vault
from gateway.messages import rulefile
from gateway.messages.build import MessageGround, Messages
from gateway.messages.channels.sip.channel import SipTextChannel, SipTextOptions, TextLink
from gateway.messages.channels.smpp.accounts import SmppAccounts
from gateway.messages.channels.smpp.channel import SmppChannel, SmppOptions
from gateway.messages.channels.smpp.session import SessionLimits
from gateway.messages.channels.webchat.channel import WebChatChannel, WebChatOptions
from gateway.messages.channels.webchat.history import ChatHistory
from gateway.messages.channels.webchat.tokens import ChatTokens
from gateway.messages.channels.wecom.archive import ArchiveParts, ArchiveReader
from gateway.messages.channels.wecom.channel import WeComChannel
from gateway.messages.channels.wecom.sources import (
    ArchiveSource,
    CtypesLibrary,
    FileArchive,
    HttpArchive,
    LibraryArchive,
)
from gateway.messages.conduct import ConductBooks
from gateway.messages.errors import ChannelUnavailable
from gateway.messages.ports import MessageChannel
from gateway.switch.trunk import TrunkSources
from maskline.ground import Ground
from maskline.wiring.messages import archive_members


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels of the `messages` process."""

    chat: WebChatChannel | None
    sms: SmppAccounts | None
    wecom: WeComChannel | None

    def all(self) -> list[MessageChannel]:
        return [channel for channel in (self.chat, self.sms, self.wecom) if channel is not None]

    def facts(self) -> dict[str, bool]:
        """Tell which channel is connected; of SMS each account."""
        found = {
            channel.kind.value: channel.connected
            for channel in (self.chat, self.wecom)
            if channel is not None
        }
        if self.sms is not None:
            found |= {f"sms-{name}": bound for name, bound in self.sms.states().items()}
        return found


@asynccontextmanager
async def open_channels(
    ground: Ground, message_ground: MessageGround, messages: Messages, tokens: ChatTokens | None
) -> AsyncIterator[Channels]:
    """Make the channels as they are set; the host starts and closes them."""
    settings = ground.settings
    async with aiohttp.ClientSession() as http:
        chat = _chat(ground, tokens) if tokens is not None else None
        sms = None
        if settings.smpp.accounts:
            sms = SmppAccounts([_account(ground, account) for account in settings.smpp.accounts])
        source = _archive(settings.wecom, http)
        wecom = _wecom(ground, message_ground, messages, source) if source is not None else None
        yield Channels(chat, sms, wecom)


def sip_texts(link: TextLink, settings: Settings, vault: Vault) -> SipTextChannel:
    """Make the channel over the link that the calls process has to its switch."""
    sip = settings.sip
    options = SipTextOptions(sip.trunk_host, sip.trunk_port, TrunkSources.of(sip), settings.default_region)
    return SipTextChannel(link, options, lambda text: vault.blind("sip.message", text).raw.hex())


def _chat(ground: Ground, tokens: ChatTokens) -> WebChatChannel:
    chat = ground.settings.chat
    options = WebChatOptions(
        host=chat.host,
        port=chat.port,
        origins=chat.allowed_origins,
        trusted_proxies=chat.trusted_proxies,
        institution=ground.settings.institution,
        secure=chat.base_url.startswith("https://"),
    )
    history = ChatHistory(database=ground.database, subject_keys=ground.subject_keys)
    return WebChatChannel(options, clock=ground.clock, tokens=tokens, history=history)


def _account(ground: Ground, account: SmppAccount) -> SmppChannel:
    options = SmppOptions(
        account.host,
        account.port,
        account.system_id,
        account.password.get_secret_value(),
        account.system_type,
        sources=account.sources,
        name=account.name,
        region=ground.settings.default_region,
        dedupes=account.dedupes,
        decimal_receipt_ids=account.decimal_receipt_ids,
        rate_per_s=account.rate_per_s,
        limits=SessionLimits(window=account.window, enquire_s=account.enquire_s),
    )
    return SmppChannel(options, ground.clock, lambda text: ground.vault.blind("smpp.message", text).raw.hex())


def _archive(settings: WeComSettings, http: aiohttp.ClientSession) -> ArchiveSource | None:
    if settings.source == "file" and settings.path is not None:
        return FileArchive(settings.path)
    if settings.source == "http" and settings.url is not None and settings.token is not None:
        return HttpArchive(http, settings.url, settings.token.get_secret_value())
    if settings.source == "library":
        return _library(settings)
    return None


def _library(settings: WeComSettings) -> LibraryArchive:
    if settings.library_path is None or settings.corp_id is None or settings.secret is None:
        raise AssertionError  # the settings require them
    keys: dict[int, RSAPrivateKey] = {}
    for version, pem in settings.private_keys.items():
        try:
            key = load_pem_private_key(pem.get_secret_value().encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, RSAPrivateKey):
            raise SettingsInvalid(
                f"wecom.private_keys.{version}: no RSA private key in PEM.",
                detail_zh=f"wecom.private_keys.{version}：不是 PEM 格式的 RSA 私钥。",
            )
        keys[version] = key
    try:
        library = CtypesLibrary(settings.library_path, settings.corp_id, settings.secret.get_secret_value())
    except (OSError, AttributeError, ChannelUnavailable):
        raise SettingsInvalid(
            "wecom.library_path: the vendor's library cannot be loaded or refuses corp_id and secret.",
            detail_zh="wecom.library_path：官方库无法加载，或不接受 corp_id 与 secret。",
        ) from None
    return LibraryArchive(library, keys)


def _wecom(
    ground: Ground, message_ground: MessageGround, messages: Messages, source: ArchiveSource
) -> WeComChannel:
    settings = ground.settings.wecom
    conducts = ConductBooks(clock=ground.clock, ledger=ground.ledger, outbox=ground.outbox, bus=ground.bus)
    parts = ArchiveParts(
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        subject_keys=ground.subject_keys,
        inbox=messages.inbox,
        books=messages.books,
        conducts=conducts,
        members=archive_members(ground),
        attachments=messages.attachments,
        screener=message_ground.screener,
        policy=rulefile.screening_policy(),
        calendar=messages.calendar,
    )
    return WeComChannel(ArchiveReader(settings.name, source, parts), every_s=settings.every_s)
