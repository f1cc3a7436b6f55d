"""Wires messages on the ground: the gateway's slice, with the quality wing's words as its screener."""

from collections.abc import Mapping

from core.config import Settings
from gateway.contact.model import Purpose
from gateway.customers.sealing import CustomerSealing
from gateway.messages import rulefile
from gateway.messages.build import MessageGround, Messages, build_messages
from gateway.messages.channels.sip.channel import SipTextChannel
from gateway.messages.channels.smpp.accounts import traits_of
from gateway.messages.channels.webchat.channel import WebChatChannel
from gateway.messages.channels.webchat.tokens import ChatTokens
from gateway.messages.channels.wecom.channel import WeComChannel
from gateway.messages.channels.wecom.members import ArchiveMembers
from gateway.messages.model import ChannelKind, Traits
from gateway.messages.screening.model import WordHit
from gateway.messages.service import House
from maskline.ground import Ground
from maskline.wiring.gateway import Gateway
from qa.lexicon.loader import own_lexicon
from qa.lexicon.model import Scene, Speaker


class LexiconScreener:
    """The quality wing's lexicon as messages see it (`gateway.messages.ports.Screener`).

    The lexicon is read at the first question, which takes seconds: a process that only carries messages never
    asks, one that takes them from people reads it before (`read_words`).
    """

    @property
    def version(self) -> str:
        return own_lexicon().version

    def find(self, text: str, purpose: Purpose) -> tuple[WordHit, ...]:
        """Give the terms in what staff write."""
        return tuple(
            WordHit(
                term_id=hit.term.id,
                category=hit.term.category.value,
                severity=hit.term.severity.value,
                begin=hit.begin,
                end=hit.end,
                fatal=hit.term.fatal,
                confidence=hit.confidence,
            )
            for hit in own_lexicon().find(text, Speaker.STAFF, Scene(purpose.value))
        )


def read_words() -> None:
    """Read the lexicon now."""
    own_lexicon()


def message_ground(ground: Ground, gateway: Gateway) -> MessageGround:
    """Give what messages stand on."""
    settings = ground.settings
    return MessageGround(
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        subject_keys=ground.subject_keys,
        ledger=ground.ledger,
        outbox=ground.outbox,
        bus=ground.bus,
        blobs=ground.blobs,
        sealing=CustomerSealing(ground.vault),
        contacts=gateway.contacts,
        refusals=gateway.consent,
        screener=LexiconScreener(),
        house=House(settings.institution, frozenset(settings.messages.own_hosts)),
        region=settings.default_region,
        time_zone=settings.timezone,
        channels=channel_traits(settings),
        notes=ground.access_log,
    )


def channel_traits(settings: Settings) -> Mapping[ChannelKind, Traits]:
    """Tell what each channel can do that this deployment has; one that it has not cannot be chosen."""
    traits: dict[ChannelKind, Traits] = {}
    if settings.chat.enabled:
        traits[ChannelKind.WEBCHAT] = WebChatChannel.traits
    if settings.smpp.accounts:
        traits[ChannelKind.SMS] = traits_of(account.dedupes for account in settings.smpp.accounts)
    if settings.sip.texts:
        traits[ChannelKind.SIP] = SipTextChannel.traits
    if settings.wecom.source != "off":
        traits[ChannelKind.WECOM] = WeComChannel.traits
    return traits


def build_message_services(ground: Ground, gateway: Gateway) -> Messages:
    """Build the services that need no open channel."""
    return build_messages(message_ground(ground, gateway))


def chat_tokens(ground: Ground) -> ChatTokens | None:
    """Build what makes customers' links; None where there is no web chat."""
    chat = ground.settings.chat
    if not chat.enabled:
        return None
    return ChatTokens(
        database=ground.database,
        clock=ground.clock,
        vault=ground.vault,
        subject_keys=ground.subject_keys,
        ledger=ground.ledger,
        base_url=chat.base_url,
        days=rulefile.delivery_policy().chat_token_days,
    )


def archive_members(ground: Ground) -> ArchiveMembers:
    """Build what links the ids of an archive to people."""
    return ArchiveMembers(
        database=ground.database, clock=ground.clock, vault=ground.vault, ledger=ground.ledger
    )
