"""Settings of messages: what is refused says why, secrets stay secret, defaults are safe."""

import json

import pytest

from core import config

ACCOUNT = {"name": "unicom", "host": "smsc.example", "system_id": "bank", "password": "s3cret!"}


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Load with these variables and nothing of this machine's."""

    def load(**variables):
        monkeypatch.setenv("MASKLINE_CONFIG", str(tmp_path / "none.toml"))
        for name, value in variables.items():
            monkeypatch.setenv(f"MASKLINE_{name}", value if isinstance(value, str) else json.dumps(value))
        return config.load()

    return load


def test_by_default_the_web_chat_alone_is_on_and_on_this_machine_only(load):
    settings = load()
    assert (settings.chat.enabled, settings.chat.host) == (True, "127.0.0.1")
    assert settings.chat.base_url == "http://127.0.0.1:8081/"
    assert settings.chat.allowed_origins == frozenset()
    assert (settings.smpp.accounts, settings.wecom.source, settings.sip.texts) == ((), "off", False)
    assert settings.messages.own_hosts == ()


def test_a_public_address_gives_links_and_origin(load):
    chat = load(CHAT__PUBLIC_URL="https://Chat.Bank.example/c").chat
    assert chat.base_url == "https://Chat.Bank.example/c/"
    assert chat.allowed_origins == {"https://chat.bank.example"}


def test_an_account_from_the_environment(load):
    settings = load(SMPP__ACCOUNTS=[{**ACCOUNT, "sources": {"+862166668888": "10690001"}}])
    (account,) = settings.smpp.accounts
    assert account.password.get_secret_value() == "s3cret!"
    assert account.sources == {"+862166668888": "10690001"}
    assert "s3cret!" not in repr(settings) + settings.model_dump_json()


def test_accounts_from_the_folder_of_secrets(load, monkeypatch, tmp_path):
    (tmp_path / "maskline_smpp").write_text(json.dumps({"accounts": [ACCOUNT]}))
    monkeypatch.setenv("MASKLINE_SECRETS_DIR", str(tmp_path))
    assert load().smpp.accounts[0].name == "unicom"


def test_accounts_from_toml(load, monkeypatch, tmp_path):
    (tmp_path / "none.toml").write_text(
        '[[smpp.accounts]]\nname = "unicom"\nhost = "smsc.example"\nsystem_id = "bank"\npassword = "s3cret!"\n'
        '[smpp.accounts.sources]\n"+862166668888" = "10690001"\n'
    )
    assert load().smpp.accounts[0].sources == {"+862166668888": "10690001"}


@pytest.mark.parametrize(
    ("variables", "where"),
    [
        ({"CHAT__PUBLIC_URL": "chat.bank.example"}, "chat.public_url"),
        ({"CHAT__ORIGINS": ["https://a/path"]}, "chat.origins"),
        ({"CHAT__TRUSTED_PROXIES": ["proxy"]}, "chat.trusted_proxies"),
        ({"MESSAGES__OWN_HOSTS": ["https://bank.example"]}, "messages.own_hosts"),
        ({"SMPP__ACCOUNTS": [{**ACCOUNT, "password": "longer-than-8"}]}, "smpp.accounts.0.password"),
        ({"SMPP__ACCOUNTS": [{**ACCOUNT, "sources": {"02166668888": "1069"}}]}, "smpp.accounts.0.sources"),
        (
            {"SMPP__ACCOUNTS": [{**ACCOUNT, "sources": {"+8621": "1", "+8622": "1"}}]},
            "smpp.accounts.0.sources",
        ),
        ({"SMPP__ACCOUNTS": [ACCOUNT, ACCOUNT]}, "smpp"),
        ({"SMPP__ACCOUNTS": [ACCOUNT, {**ACCOUNT, "name": "other"}]}, "smpp"),
        ({"WECOM__SOURCE": "http", "WECOM__URL": "https://archive.example"}, "wecom"),
        ({"WECOM__SOURCE": "library"}, "wecom"),
    ],
)
def test_what_cannot_work_is_named_without_its_value(load, variables, where):
    with pytest.raises(config.SettingsInvalid) as refused:
        load(**variables)
    for text in (refused.value.message("zh"), refused.value.message("en")):
        assert where in text
        assert "longer-than-8" not in text
        assert "02166668888" not in text
