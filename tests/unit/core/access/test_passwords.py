"""Passwords: length and guessability, no composition rules; hashing off the loop with a cap."""

import asyncio
import contextlib
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.access.errors import PasswordWeak
from core.access.model import Role, Scope, widest
from core.access.passwords import Passwords, check_policy, common_passwords, generate_password
from core.access.permissions import PermissionRegistry, PermissionSpec
from core.errors import TooMany
from tests.support.access import cheap_hasher

CONTEXT = ["zhangsan", "示例机构", "maskline"]


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "elevenchars",
        "a" * 129,
        "aaaaaaaaaaaaaaa",
        "abababababab",
        "abcdefghijklmnop",
        "zyxwvutsrqponm",
        "123456789012",
        "987654321098765",
        "2026-11-21-2026",
        "password1234",
        "!!!Password123!!!",
        "iloveyou2026!!",
        "1q2w3e4r5t6y",
        "zhangsan12345",
        "maskline-2026",
        "ZHANGSAN@maskl",
        "示例机构示例机构2026",
    ],
)
def test_guessable_ones_are_refused(password):
    with pytest.raises(PasswordWeak) as caught:
        check_policy(password, CONTEXT)
    assert password not in caught.value.message("en") or password == "short"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "lowercaseonlybutlong",
        "春眠不觉晓处处闻啼鸟夜来",
        "zhangsan drives a green tractor",
    ],
)
def test_long_ones_need_no_signs(password):
    check_policy(password, CONTEXT)


def test_generated_ones_pass_and_differ():
    made = {generate_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        check_policy(password, CONTEXT)


@given(st.text(max_size=140))
def test_any_text_is_judged(password):
    with contextlib.suppress(PasswordWeak):
        check_policy(password, CONTEXT)


def test_the_list_is_there():
    assert len(common_passwords()) > 10_000
    assert "password" in common_passwords()


async def test_a_hash_fits_its_password_only():
    passwords = Passwords(cheap_hasher())
    stored = await passwords.hash("one fine sentence")
    assert await passwords.verify(stored, "one fine sentence")
    assert not await passwords.verify(stored, "another fine sentence")
    assert not await passwords.verify(None, "one fine sentence")
    assert not await passwords.verify("not a hash", "one fine sentence")


class SlowHasher:
    """Stops inside until it is let go; counts how many are inside."""

    def __init__(self):
        self.gate = threading.Event()
        self.inside = 0
        self.most = 0
        self.lock = threading.Lock()

    def hash(self, password):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        self.gate.wait(10)
        with self.lock:
            self.inside -= 1
        return "x"


async def test_few_at_once_and_a_bounded_queue():
    hasher = SlowHasher()
    passwords = Passwords(hasher, at_once=2, waiting_max=5)
    tasks = [asyncio.ensure_future(passwords.hash("x")) for _ in range(5)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany):
        await passwords.hash("x")
    hasher.gate.set()
    assert await asyncio.gather(*tasks) == ["x"] * 5
    assert hasher.most <= 2
    assert await passwords.hash("x") == "x"


@given(
    st.dictionaries(st.sampled_from(Role), st.sampled_from(Scope)),
    st.frozensets(st.sampled_from(Role)),
)
def test_several_roles_give_the_widest_scope(grants, roles):
    registry = PermissionRegistry([PermissionSpec("thing.read", "甲", "A", grants)])
    scopes = [grants[role] for role in roles if role in grants]
    assert registry.grants_for(roles) == ({"thing.read": widest(*scopes)} if scopes else {})
