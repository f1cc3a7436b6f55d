"""Where archived records come from: the vendor's C library, an HTTP service, a file."""

import asyncio
import base64
import ctypes
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.messages.errors import ChannelUnavailable

MAX_LIMIT = 1000
MAX_MEDIA = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A decrypted record and its place in the archive."""

    seq: int
    record_id: str
    payload: bytes = field(repr=False)


class ArchiveSource(Protocol):
    """Reads the archive. Raises `ChannelUnavailable` when it does not answer."""

    async def fetch(self, after: int, limit: int) -> list[RawRecord]:
        """Give up to `limit` records after a sequence number, in order."""

    async def media(self, file_id: str) -> bytes | None:
        """Give a file, None if the vendor has it no more."""


class WeComLibrary(Protocol):
    """The vendor's library (libWeWorkFinanceSdk_C). Blocking: called in a thread."""

    def get_chat_data(self, seq: int, limit: int) -> bytes:
        """Give the vendor's JSON: errcode, chatdata[seq, msgid, publickey_ver, encrypt_*]."""

    def decrypt(self, key: bytes, message: str) -> bytes: ...

    def get_media(self, file_id: str) -> bytes: ...


class FileArchive:
    """Records from a file of JSON lines with `seq` and `msgid`; files beside it by SHA-256 of their id."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def fetch(self, after: int, limit: int) -> list[RawRecord]:
        return await asyncio.to_thread(self._fetch, after, limit)

    def _fetch(self, after: int, limit: int) -> list[RawRecord]:
        found: list[RawRecord] = []
        try:
            content = self._path.read_bytes()
        except OSError:
            raise ChannelUnavailable("archive-file") from None
        for number, line in enumerate(content.splitlines(), 1):
            if not line.strip():
                continue
            seq, record_id = number, f"line-{number}"
            try:
                known = json.loads(line)
                seq, record_id = int(known.get("seq", number)), str(known.get("msgid", record_id))
            except (ValueError, TypeError, AttributeError):
                pass  # kept as it is: an unreadable line is a record too
            if seq > after:
                found.append(RawRecord(seq, record_id, line))
        return sorted(found, key=lambda record: record.seq)[:limit]

    async def media(self, file_id: str) -> bytes | None:
        path = self._path.parent / "media" / hashlib.sha256(file_id.encode()).hexdigest()
        return await asyncio.to_thread(lambda: path.read_bytes() if path.exists() else None)


class HttpArchive:
    """Records from a service that decrypts: GET chatdata?seq&limit and GET media?id, with a bearer token."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str, token: str) -> None:
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {token}"}

    async def fetch(self, after: int, limit: int) -> list[RawRecord]:
        params = {"seq": str(after), "limit": str(limit)}
        data = await self._get("chatdata", params, 32 * 1024 * 1024)
        try:
            found = json.loads(data or b"")
            records = [
                RawRecord(int(one["seq"]), str(one["msgid"]), json.dumps(one["msg"]).encode())
                for one in found["chatdata"]
            ]
        except (ValueError, KeyError, TypeError):
            raise ChannelUnavailable("archive-answer") from None
        return [record for record in records if record.seq > after][:limit]

    async def media(self, file_id: str) -> bytes | None:
        return await self._get("media", {"id": file_id}, MAX_MEDIA)

    async def _get(self, path: str, params: Mapping[str, str], most: int) -> bytes | None:
        try:
            timeout = aiohttp.ClientTimeout(total=60)
            async with self._http.get(
                f"{self._base_url}/{path}",
                params=params,
                headers=self._headers,
                timeout=timeout,
                allow_redirects=False,
            ) as answer:
                if answer.status in {404, 410}:
                    return None
                if answer.status != 200:
                    raise ChannelUnavailable(f"http-{answer.status}")
                data = await answer.content.read(most + 1)
                while len(data) <= most and (more := await answer.content.read(most + 1 - len(data))):
                    data += more
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ChannelUnavailable("http") from error
        if len(data) > most:
            raise ChannelUnavailable("too-large")
        return data


class LibraryArchive:
    """Records through the vendor's library; each one's random key is opened with our RSA key."""

    def __init__(self, library: WeComLibrary, keys: Mapping[int, RSAPrivateKey]) -> None:
        self._library = library
        self._keys = keys

    async def fetch(self, after: int, limit: int) -> list[RawRecord]:
        return await asyncio.to_thread(self._fetch, after, min(limit, MAX_LIMIT))

    def _fetch(self, after: int, limit: int) -> list[RawRecord]:
        try:
            answer = json.loads(self._library.get_chat_data(after, limit))
            if answer.get("errcode", 0) != 0:
                raise ChannelUnavailable(f"wecom-{int(answer['errcode'])}")
            chatdata = answer["chatdata"]
        except (ValueError, KeyError, TypeError):
            raise ChannelUnavailable("archive-answer") from None
        return [self._open(one) for one in chatdata]

    def _open(self, one: Mapping[str, Any]) -> RawRecord:
        """Decrypt a record; one whose key we do not hold stops the reading: it must not be lost."""
        key = self._keys.get(int(one["publickey_ver"]))
        if key is None:
            raise ChannelUnavailable("wecom-key-missing")
        try:
            # The vendor's choice (RSAES-PKCS1-v1_5); what comes out is only ever a key.
            random_key = key.decrypt(base64.b64decode(one["encrypt_random_key"]), padding.PKCS1v15())
            payload = self._library.decrypt(random_key, str(one["encrypt_chat_msg"]))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ChannelUnavailable("wecom-key-wrong") from error
        return RawRecord(int(one["seq"]), str(one["msgid"]), payload)

    async def media(self, file_id: str) -> bytes | None:
        return await asyncio.to_thread(self._library.get_media, file_id) or None


class CtypesLibrary:
    """`WeComLibrary` over the vendor's shared object (its header WeWorkFinanceSdk_C.h, version 3)."""

    def __init__(self, path: Path, corp_id: str, secret: str, *, timeout_s: int = 10) -> None:
        sdk = ctypes.CDLL(str(path))
        pointer, text, number = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
        for name, result, arguments in (
            ("NewSdk", pointer, []),
            ("Init", number, [pointer, text, text]),
            (
                "GetChatData",
                number,
                [pointer, ctypes.c_ulonglong, ctypes.c_uint, text, text, number, pointer],
            ),
            ("DecryptData", number, [text, text, pointer]),
            ("GetMediaData", number, [pointer, text, text, text, text, number, pointer]),
            ("NewSlice", pointer, []),
            ("FreeSlice", None, [pointer]),
            ("GetContentFromSlice", pointer, [pointer]),
            ("GetSliceLen", number, [pointer]),
            ("NewMediaData", pointer, []),
            ("FreeMediaData", None, [pointer]),
            ("GetOutIndexBuf", text, [pointer]),
            ("GetData", pointer, [pointer]),
            ("GetDataLen", number, [pointer]),
            ("IsMediaDataFinish", number, [pointer]),
        ):
            function = getattr(sdk, name)
            function.restype, function.argtypes = result, arguments
        self._sdk = sdk
        self._timeout = timeout_s
        self._handle = sdk.NewSdk()
        self._check(sdk.Init(self._handle, corp_id.encode(), secret.encode()))

    def get_chat_data(self, seq: int, limit: int) -> bytes:
        return self._slice(
            lambda out: self._sdk.GetChatData(self._handle, seq, limit, b"", b"", self._timeout, out)
        )

    def decrypt(self, key: bytes, message: str) -> bytes:
        return self._slice(lambda out: self._sdk.DecryptData(key, message.encode(), out))

    def get_media(self, file_id: str) -> bytes:
        """Read a file in the vendor's pieces of at most 512 KiB."""
        data, index = bytearray(), b""
        while True:
            piece = self._sdk.NewMediaData()
            try:
                answer = self._sdk.GetMediaData(
                    self._handle, index, file_id.encode(), b"", b"", self._timeout, piece
                )
                self._check(answer)
                data += ctypes.string_at(self._sdk.GetData(piece), self._sdk.GetDataLen(piece))
                if self._sdk.IsMediaDataFinish(piece):
                    return bytes(data)
                index = bytes(self._sdk.GetOutIndexBuf(piece))
            finally:
                self._sdk.FreeMediaData(piece)
            if len(data) > MAX_MEDIA:
                raise ChannelUnavailable("too-large")

    def _slice(self, call: Any) -> bytes:
        out = self._sdk.NewSlice()
        try:
            self._check(call(out))
            return ctypes.string_at(self._sdk.GetContentFromSlice(out), self._sdk.GetSliceLen(out))
        finally:
            self._sdk.FreeSlice(out)

    def _check(self, answer: int) -> None:
        if answer != 0:
            raise ChannelUnavailable(f"wecom-{answer}")
