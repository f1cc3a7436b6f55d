"""Wires messages on the ground: the gateway's slice, with the quality wing's words as its screener."""

from collections.abc import Mapping

from gateway.contact.model import Purpose
from gateway.customers.sealing import CustomerSealing
from gateway.messages.build import MessageGround, Messages, build_messages
from gateway.messages.channels.sip.channel import SipTextChannel
from gateway.messages.channels.webchat.channel import WebChatChannel
from gateway.messages.channels.wecom.channel import WeComChannel
from gateway.messages.model import ChannelKind, Traits
from gateway.messages.screening.model import WordHit
from gateway.messages.service import House
from maskline.gateway_wiring import Gateway
from maskline.ground import Ground
from qa.lexicon.loader import own_lexicon
from qa.lexicon.matcher import Lexicon
from qa.lexicon.model import Scene, Speaker


class LexiconScreener:
    """The quality wing's lexicon as messages see it (`gateway.messages.ports.Screener`)."""

    def __init__(self, lexicon: Lexicon) -> None:
        self._lexicon = lexicon

    @property
    def version(self) -> str:
        return self._lexicon.version

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
            for hit in self._lexicon.find(text, Speaker.STAFF, Scene(purpose.value))
        )


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
        screener=LexiconScreener(own_lexicon()),
        house=House(settings.institution, frozenset()),
        region=settings.default_region,
        time_zone=settings.timezone,
        channels=channel_traits(),
    )


def channel_traits() -> Mapping[ChannelKind, Traits]:
    """Tell what each channel can do."""
    return {kind.kind: kind.traits for kind in (SipTextChannel, WebChatChannel, WeComChannel)}


def build_message_services(ground: Ground, gateway: Gateway) -> Messages:
    """Build the services that need no open channel."""
    return build_messages(message_ground(ground, gateway))
