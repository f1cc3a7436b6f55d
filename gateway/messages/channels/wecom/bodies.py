"""The bodies of archived messages by kind (developer.work.weixin.qq.com/document/path/91774, state 2026-01).

Every field may be missing: what the vendor leaves out or renames must not lose the message. Texts, ids and
links are personal; models do not print them.
"""

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Body(BaseModel):
    """Base: unknown fields stay in the sealed original, not here."""

    model_config = ConfigDict(
        extra="ignore", frozen=True, hide_input_in_errors=True, coerce_numbers_to_str=True
    )

    def texts(self) -> tuple[str, ...]:
        """Give what a person can read in it."""
        return ()

    def file_id(self) -> str:
        """Give the vendor's id of its file, "" if it has none."""
        return str(getattr(self, "sdkfileid", ""))


class Text(Body):
    content: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.content,)


class Media(Body):
    """image, emotion."""

    sdkfileid: str = Field(default="", repr=False)
    md5sum: str = ""
    filesize: int = 0
    imagesize: int = 0


class Revoke(Body):
    pre_msgid: str = ""


class Consent(Body):
    """agree, disagree."""

    userid: str = Field(default="", repr=False)
    agree_time: int = 0
    disagree_time: int = 0


class Voice(Body):
    sdkfileid: str = Field(default="", repr=False)
    md5sum: str = ""
    voice_size: int = 0
    play_length: int = 0


class Video(Body):
    sdkfileid: str = Field(default="", repr=False)
    md5sum: str = ""
    filesize: int = 0
    play_length: int = 0


class Card(Body):
    corpname: str = Field(default="", repr=False)
    userid: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.corpname, self.userid)


class Location(Body):
    longitude: float = Field(default=0, repr=False)
    latitude: float = Field(default=0, repr=False)
    address: str = Field(default="", repr=False)
    title: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.title, self.address)


class File(Body):
    sdkfileid: str = Field(default="", repr=False)
    md5sum: str = ""
    filename: str = Field(default="", repr=False)
    fileext: str = ""
    filesize: int = 0

    def texts(self) -> tuple[str, ...]:
        return (self.filename,)


class Link(Body):
    title: str = Field(default="", repr=False)
    description: str = Field(default="", repr=False)
    link_url: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.title, self.description, self.link_url)


class Weapp(Body):
    title: str = Field(default="", repr=False)
    description: str = Field(default="", repr=False)
    displayname: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.displayname, self.title, self.description)


class RecordItem(Body):
    """One message of a forwarded record; `content` is JSON text by its `type` (ChatRecordText, ...)."""

    type: str = ""
    msgtime: int = 0
    content: str = Field(default="", repr=False)
    from_chatroom: bool = False

    def texts(self) -> tuple[str, ...]:
        return within(self.type.removeprefix("ChatRecord").lower(), self.content)


class ChatRecord(Body):
    title: str = Field(default="", repr=False)
    item: tuple[RecordItem, ...] = ()

    def texts(self) -> tuple[str, ...]:
        return (self.title, *(text for item in self.item for text in item.texts()))


class Todo(Body):
    title: str = Field(default="", repr=False)
    content: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.title, self.content)


class Vote(Body):
    votetitle: str = Field(default="", repr=False)
    voteitem: tuple[str, ...] = Field(default=(), repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.votetitle, *self.voteitem)


class Question(Body):
    ques: str = Field(default="", repr=False)


class Collect(Body):
    room_name: str = Field(default="", repr=False)
    title: str = Field(default="", repr=False)
    details: tuple[Question, ...] = ()

    def texts(self) -> tuple[str, ...]:
        return (self.title, *(question.ques for question in self.details))


class RedPacket(Body):
    """redpacket, external_redpacket."""

    type: int = 0
    wish: str = Field(default="", repr=False)
    totalcnt: int = 0
    totalamount: int = 0

    def texts(self) -> tuple[str, ...]:
        return (self.wish,)


class Meeting(Body):
    topic: str = Field(default="", repr=False)
    starttime: int = 0
    endtime: int = 0
    address: str = Field(default="", repr=False)
    remarks: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.topic, self.address, self.remarks)


class MeetingNotification(Body):
    meetingid: str = ""
    notification_type: int = 0
    content: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.content,)


class Doc(Body):
    title: str = Field(default="", repr=False)
    link_url: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.title, self.link_url)


class NewsItem(Body):
    title: str = Field(default="", repr=False)
    description: str = Field(default="", repr=False)
    url: str = Field(default="", repr=False)


class News(Body):
    item: tuple[NewsItem, ...] = ()

    def texts(self) -> tuple[str, ...]:
        return tuple(text for item in self.item for text in (item.title, item.description, item.url))


class Calendar(Body):
    title: str = Field(default="", repr=False)
    place: str = Field(default="", repr=False)
    remarks: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.title, self.place, self.remarks)


class MixedItem(Body):
    type: str = ""
    content: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return within(self.type, self.content)


class Mixed(Body):
    item: tuple[MixedItem, ...] = ()

    def texts(self) -> tuple[str, ...]:
        return tuple(text for item in self.item for text in item.texts())


class MeetingVoice(Body):
    endtime: int = 0
    sdkfileid: str = Field(default="", repr=False)
    demofiledata: tuple[dict[str, Any], ...] = Field(default=(), repr=False)
    sharescreendata: tuple[dict[str, Any], ...] = Field(default=(), repr=False)


class VoipDoc(Body):
    filename: str = Field(default="", repr=False)
    md5sum: str = ""
    filesize: int = 0
    sdkfileid: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.filename,)


class Feed(Body):
    feed_type: int = 0
    sph_name: str = Field(default="", repr=False)
    feed_desc: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.sph_name, self.feed_desc)


class VoipCall(Body):
    callduration: int = 0
    invitetype: int = 0


class DiskFile(Body):
    filename: str = Field(default="", repr=False)

    def texts(self) -> tuple[str, ...]:
        return (self.filename,)


class Switch(Body):
    """Not a message: an employee changed to another corporation."""

    user: str = Field(default="", repr=False)
    time: int = 0


class Unknown(Body):
    """A kind that did not exist when this was written: the sealed original has it all."""


KINDS: dict[str, tuple[type[Body], tuple[str, ...]]] = {
    "text": (Text, ("text",)),
    "image": (Media, ("image",)),
    "revoke": (Revoke, ("revoke",)),
    "agree": (Consent, ("agree",)),
    "disagree": (Consent, ("disagree",)),
    "voice": (Voice, ("voice",)),
    "video": (Video, ("video",)),
    "card": (Card, ("card",)),
    "location": (Location, ("location",)),
    "emotion": (Media, ("emotion",)),
    "file": (File, ("file",)),
    "link": (Link, ("link",)),
    "weapp": (Weapp, ("weapp",)),
    "chatrecord": (ChatRecord, ("chatrecord",)),
    "todo": (Todo, ("todo",)),
    "vote": (Vote, ("vote",)),
    "collect": (Collect, ("collect",)),
    "redpacket": (RedPacket, ("redpacket",)),
    "meeting": (Meeting, ("meeting",)),
    "meeting_notification": (MeetingNotification, ("meeting_notification", "info")),
    "docmsg": (Doc, ("doc", "docmsg")),
    "markdown": (Text, ("info", "markdown")),
    "news": (News, ("info", "news")),
    "calendar": (Calendar, ("calendar",)),
    "mixed": (Mixed, ("mixed",)),
    "meeting_voice_call": (MeetingVoice, ("meeting_voice_call",)),
    "voip_doc_share": (VoipDoc, ("voip_doc_share",)),
    "external_redpacket": (RedPacket, ("redpacket", "external_redpacket")),
    "sphfeed": (Feed, ("sphfeed",)),
    "voiptext": (VoipCall, ("info", "voiptext")),
    "qydiskfile": (DiskFile, ("info", "qydiskfile")),
    "switch": (Switch, ()),
}
"""Kind -> model and the keys under which its body may stand. With `RecordItem` the 33 of the page."""


def within(kind: str, content: str) -> tuple[str, ...]:
    """Give what a person can read in a message within another: its body is JSON in a string of JSON.

    As JSON it must not be shown: a number hides behind its escapes. What is no JSON is a text itself.
    """
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return (content,)
    if not isinstance(found, dict):
        return (content,) if not isinstance(found, str) else (found,)
    model, _ = KINDS.get(kind, (Unknown, ()))
    try:
        return model.model_validate(found).texts()
    except ValidationError:
        return ()
