"""The keyring: every long-lived key of an institution, in one private file or one environment value."""

import base64
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError, model_validator

from core.errors import Conflict, Invalid, NotFound
from core.files import replace_private
from core.sealed import KEY_ID_BYTES, Secret
from core.vault.envelope import KEY_BYTES, derive

FORMAT = "maskline-keyring/1"


class KeyringInvalid(Invalid):
    """The keyring is not usable."""

    code = "keyring-invalid"
    zh = "密钥环不可用。"


class KeyringMissing(NotFound):
    """There is no keyring at the configured place; create one or restore it from the backup."""

    code = "keyring-missing"
    zh = "配置的位置没有密钥环，请新建，或从备份恢复。"


class KeyringExists(Conflict):
    """There is already a keyring; it is never overwritten by a new one."""

    code = "keyring-exists"
    zh = "密钥环已存在，不会被新的覆盖。"


class _Stored(BaseModel):
    """The JSON form. Keys are base64."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    format: str
    current: str
    keys: dict[str, Base64Bytes]
    blind_index: Base64Bytes
    ledger: Base64Bytes
    secrets: Base64Bytes
    named: dict[str, Base64Bytes] = {}

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.format != FORMAT:
            raise ValueError(f"format is not {FORMAT}")
        if self.current not in self.keys:
            raise ValueError("current names no key")
        for key_id in self.keys:
            if len(key_id) != 2 * KEY_ID_BYTES or set(key_id) - set("0123456789abcdef"):
                raise ValueError("a key id is 16 lower-case hexadecimal characters")
        lengths = {len(key) for key in (*self.keys.values(), self.blind_index, self.ledger, self.secrets)}
        if lengths != {KEY_BYTES}:
            raise ValueError("every key has 32 bytes")
        if any(len(secret) < KEY_BYTES for secret in self.named.values()):
            raise ValueError("a named secret has at least 32 bytes")
        return self


@dataclass(frozen=True, slots=True)
class Keyring:
    """Key encryption keys by id (the current one and older ones) and the roots of everything else."""

    current: str
    keys: dict[str, Secret]
    blind_index: Secret
    ledger: Secret
    secrets: Secret
    named: dict[str, Secret] = field(default_factory=dict)

    @classmethod
    def generate(cls) -> Self:
        """Make fresh random keys."""
        key_id = _new_key_id(())
        return cls(key_id, {key_id: _fresh()}, blind_index=_fresh(), ledger=_fresh(), secrets=_fresh())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the JSON form, or base64 of it (handy in an environment variable)."""
        text = text.strip()
        try:
            if not text.startswith("{"):
                text = base64.b64decode(text, validate=True).decode()
            stored = _Stored.model_validate_json(text)
        except ValidationError as error:
            faults = "; ".join(fault["msg"] for fault in error.errors(include_input=False))
            raise KeyringInvalid(faults, detail_zh=faults) from None
        except ValueError:
            raise KeyringInvalid(
                "It is neither JSON nor base64 of JSON.", detail_zh="既不是 JSON，也不是其 base64。"
            ) from None
        return cls(
            current=stored.current,
            keys={key_id: Secret(key) for key_id, key in stored.keys.items()},
            blind_index=Secret(stored.blind_index),
            ledger=Secret(stored.ledger),
            secrets=Secret(stored.secrets),
            named={name: Secret(raw) for name, raw in stored.named.items()},
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a keyring file that nobody else can read or replace.

        Raises:
            KeyringMissing: no such file.
            KeyringInvalid: others can read it or write its folder, or it is malformed.
        """
        try:
            with path.open("rb") as handle:
                _refuse_exposed(os.fstat(handle.fileno()), path.parent.stat())
                text = handle.read().decode("utf-8", "replace")
        except FileNotFoundError:
            raise KeyringMissing from None
        except OSError as error:
            raise KeyringInvalid(error.strerror, detail_zh=error.strerror) from None
        return cls.parse(text)

    @classmethod
    def create(cls, path: Path) -> Self:
        """Generate a keyring and write it with mode 0600 in a folder with mode 0700."""
        keyring = cls.generate()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        try:
            keyring.save(path, overwrite=False)
        except FileExistsError:
            raise KeyringExists from None
        return keyring

    def save(self, path: Path, *, overwrite: bool = True) -> None:
        """Write the file atomically with mode 0600; a crash leaves the old one or the new one."""
        replace_private(path, self.dump().encode(), overwrite=overwrite)

    def dump(self) -> str:
        """Give the JSON form, keys in the clear: for the private file and for a backup."""
        return json.dumps(
            {
                "format": FORMAT,
                "current": self.current,
                "keys": {key_id: _text(key) for key_id, key in self.keys.items()},
                "blind_index": _text(self.blind_index),
                "ledger": _text(self.ledger),
                "secrets": _text(self.secrets),
                "named": {name: _text(raw) for name, raw in self.named.items()},
            },
            indent=2,
        )

    def rotate(self) -> Self:
        """Give a keyring with a new current key; older ones stay to open what they sealed."""
        key_id = _new_key_id(self.keys)
        return replace(self, current=key_id, keys={**self.keys, key_id: _fresh()})

    def retire(self, key_id: str) -> Self:
        """Give a keyring without an old key. First make sure that nothing is sealed under it any more."""
        if key_id == self.current:
            raise KeyringInvalid("The current key cannot be retired.", detail_zh="当前密钥不能停用。")
        if key_id not in self.keys:
            raise KeyringInvalid("There is no such key.", detail_zh="没有这个密钥。")
        return replace(self, keys={known: key for known, key in self.keys.items() if known != key_id})

    def generations(self, name: str) -> tuple[Secret, ...]:
        """Give all secrets of that name, the oldest first; the last is the one in use."""
        found = [self.secret(name)]
        while (following := self.named.get(f"{name}.{len(found) + 1}")) is not None:
            found.append(following)
        return tuple(found)

    def renew(self, name: str) -> Self:
        """Give a keyring with one more secret of that name; the older ones stay."""
        following = f"{name}.{len(self.generations(name)) + 1}"
        return replace(self, named={**self.named, following: _fresh()})

    def secret(self, name: str) -> Secret:
        """Give the secret of that name: the one set in the file, else one derived for the name."""
        return self.named.get(name) or Secret(derive(self.secrets, f"secret/{name}"))


def _refuse_exposed(file: os.stat_result, folder: os.stat_result) -> None:
    if not stat.S_ISREG(file.st_mode):
        raise KeyringInvalid("It is not a regular file.", detail_zh="它不是普通文件。")
    if file.st_uid not in {0, os.geteuid()}:
        raise KeyringInvalid("The file belongs to another user.", detail_zh="密钥文件属于其他用户。")
    if file.st_mode & 0o077:
        raise KeyringInvalid(
            f"Others can read the file (mode {stat.S_IMODE(file.st_mode):04o}): chmod 600 it, and rotate.",
            detail_zh=f"他人可读密钥文件（权限 {stat.S_IMODE(file.st_mode):04o}）：请 chmod 600 并轮换密钥。",
        )
    if folder.st_mode & 0o022:
        raise KeyringInvalid(
            f"Others can write its folder (mode {stat.S_IMODE(folder.st_mode):04o}): chmod 700 it.",
            detail_zh=f"他人可写密钥目录（权限 {stat.S_IMODE(folder.st_mode):04o}）：请 chmod 700。",
        )


def _fresh() -> Secret:
    return Secret(os.urandom(KEY_BYTES))


def _new_key_id(taken: Iterable[str]) -> str:
    known = set(taken)
    while (key_id := os.urandom(KEY_ID_BYTES).hex()) in known:
        pass
    return key_id


def _text(secret: Secret) -> str:
    return base64.b64encode(secret.reveal()).decode()
