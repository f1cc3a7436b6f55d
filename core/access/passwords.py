"""Passwords: argon2id off the event loop with a cap, and a policy of length and guessability.

No composition rules and no periodic change (ASVS 5.0 6.2.5, 6.2.10; NIST SP 800-63B §3.1.1.2).
"""

import asyncio
import secrets
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from core.access.errors import PasswordWeak
from core.errors import TooMany

T = TypeVar("T")

MIN_CHARACTERS = 12
MAX_CHARACTERS = 128
_MIN_DISTINCT = 5
_WORD_LIST = Path(__file__).parent / "data" / "common_passwords.txt"
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"  # no 0/o, 1/l: it is read aloud and typed
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890123456789", "qwertyuiop", "asdfghjkl", "zxcvbnm")


class Passwords:
    """Hashes and checks passwords. At most `at_once` run, each taking 64 MiB; too long a queue is refused."""

    def __init__(
        self, hasher: PasswordHasher | None = None, *, at_once: int = 2, waiting_max: int = 64
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._waiting_max = waiting_max
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        return await self._run(lambda: self._hasher.hash(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Check a password. Without a stored hash it does the same work and says no."""
        if self._decoy is None:
            self._decoy = await self.hash(secrets.token_hex())
        against = stored or self._decoy
        matches = await self._run(lambda: self._matches(against, password))
        return matches and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Say whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= self._waiting_max:
            raise TooMany(retry_after_s=5)
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1


def check_policy(password: str, context: Iterable[str]) -> None:
    """Raise `PasswordWeak` for a password that is short, common, monotonous, or built on a `context` word.

    Context words are the user name, the institution, the product (ASVS 5.0 6.1.2).
    """
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise PasswordWeak(
            f"Use {MIN_CHARACTERS} to {MAX_CHARACTERS} characters.",
            detail_zh=f"请使用 {MIN_CHARACTERS} 至 {MAX_CHARACTERS} 个字符。",
        )
    plain = password.casefold()
    if len(set(plain)) < _MIN_DISTINCT or _is_run(plain):
        raise PasswordWeak("It repeats itself or runs along.", detail_zh="字符重复或为连续序列。")
    if plain in common_passwords() or _core(plain) in common_passwords() or not _core(plain):
        raise PasswordWeak("It is among the common ones.", detail_zh="属于常见密码。")
    for word in (word.casefold() for word in context):
        if len(word) >= 3 and word in plain and len(plain.replace(word, "")) < MIN_CHARACTERS - 2:
            raise PasswordWeak(
                "It is built on your name or that of the institution.", detail_zh="包含用户名或机构名称。"
            )


def generate_password() -> str:
    """Make a random password of 100 bits, in groups that can be read aloud."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))
    return "-".join(groups)


@lru_cache(maxsize=1)
def common_passwords() -> frozenset[str]:
    lines = _WORD_LIST.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def _core(plain: str) -> str:
    """Take away what people put around a word to make it long: digits and signs at both ends."""
    begin, end = 0, len(plain)
    while begin < end and not plain[begin].isalpha():
        begin += 1
    while end > begin and not plain[end - 1].isalpha():
        end -= 1
    return plain[begin:end]


def _is_run(plain: str) -> bool:
    """Say whether the password is one run along the alphabet, the digits or the keyboard, or a repetition."""
    if any(plain in run * 2 or plain in run[::-1] * 2 for run in _RUNS):
        return True
    return any(plain == plain[:size] * (len(plain) // size) for size in range(1, 5) if len(plain) % size == 0)
