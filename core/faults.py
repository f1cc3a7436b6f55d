"""Says in Chinese and in English what is wrong with the settings, in one line and without their values."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from core.errors import Invalid

PREFIX = "MASKLINE_"
# Variables that are no settings: where settings come from, what the supervisor tells, what tests use.
_OTHERS = frozenset({"CONFIG", "SECRETS_DIR", "SUPERVISOR_PID"})
_TESTS = "TEST_"


class SettingsInvalid(Invalid):
    """The settings are not acceptable."""

    code = "settings-invalid"
    zh = "配置有误。"


def of_fields(error: ValidationError) -> SettingsInvalid:
    """Name each setting that is wrong, and why. A validator's own error carries its Chinese text as `zh`."""
    from core.web.violations import sentence  # the web kit reads settings itself

    faults_zh, faults_en = [], []
    for fault in error.errors(include_url=False, include_input=False):
        where = ".".join(str(part) for part in fault["loc"]) or "*"
        context = fault.get("ctx", {})
        said = sentence(where, fault["type"], context)
        zh, en = (context["zh"], fault["msg"]) if "zh" in context else (said.zh, said.en)
        faults_zh.append(f"{where}：{zh}")
        faults_en.append(f"{where}: {en}")
    return SettingsInvalid(" ".join(faults_en), detail_zh=" ".join(faults_zh))


def of_source(place: object, error: ValueError) -> SettingsInvalid:
    """Name a file or variable that cannot be read at all; a parser's text says where, not what."""
    return SettingsInvalid(f"{place}: {error}", detail_zh=f"{place}：无法解析（{error}）。")


def check_variables(environment: Iterable[str], known: Mapping[str, object]) -> None:
    """Refuse a variable of ours that sets nothing: MASKLINE_WEB_PORT looks right, and is not.

    Raises:
        SettingsInvalid: names every such variable.
    """
    wrong = []
    for name in sorted(environment):
        rest = name.removeprefix(PREFIX)
        if rest == name or rest in _OTHERS or rest.startswith(_TESTS):
            continue
        if rest.partition("__")[0].lower() not in known:
            wrong.append(name)
    if wrong:
        names = ", ".join(wrong)
        raise SettingsInvalid(
            f"There is no setting for {names}; two underscores join its parts, as in MASKLINE_WEB__PORT.",
            detail_zh=f"没有与 {names} 对应的配置项；各级名称之间用两个下划线，如 MASKLINE_WEB__PORT。",
        )
