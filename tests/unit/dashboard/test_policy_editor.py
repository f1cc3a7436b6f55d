"""The policy editor: a document and its form say the same, and what is typed is neither lost nor judged twice."""

from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.pages.phones.editor_form import is_field, read, tidy, without, written
from dashboard.pages.phones.editor_layout import Around, Cell, KeyedList, Layout
from dashboard.pages.phones.policy_editor import DraftForm, Look, opened, typed
from dashboard.pages.phones.said import enum_words
from dashboard.render import catalogue
from devicepolicy.capabilities.table import table
from devicepolicy.policies.document import Documents
from devicepolicy.policies.errors import Fault
from devicepolicy.policies.ready import ready_policies
from devicepolicy.policies.schema import FieldSchema, schemas
from devicepolicy.policies.settings import assemble

SCHEMAS, TABLE = schemas(), table()
DOCUMENTS = Documents(SCHEMAS, TABLE)


def sample(field: FieldSchema, name: str = "") -> Any:
    """Give a value of a field with everything that it can hold."""
    if field.type == "enum":
        return next(one for one in field.values[::-1] if one not in field.deprecated_values)
    if field.type == "list":
        assert field.items is not None
        return [sample(field.items)]
    if field.type == "object":
        fields = SCHEMAS.fields(field.of)
        return {key: sample(one, key) for key, one in fields.items() if not one.deprecated}
    figure = max(int(field.minimum or 0), 60)
    text = "com.example.app" if name.endswith("ackageName") else "eA=="
    plain = {"boolean": False, "integer": figure, "number": figure, "int64": "1000", "duration": "86400s"}
    return plain.get(field.type, {"zh-CN": "请联系管理员"} if field.type in {"json", "any"} else text)


def everything() -> dict[str, Any]:
    """Give a document that says something of every row of the capability table."""
    keys = {
        "passwordScope": "SCOPE_DEVICE",
        "defaultApplicationType": "DEFAULT_BROWSER",
        "settingName": "cameraAccess",
    }
    made: dict[str, Any] = {}
    for row in TABLE:
        steps = row.path
        for place, key in TABLE.lists.items():
            steps = steps.replace(f"{place}[]", f"{place}[{keys.get(key, 'com.example.app')}]")
        made[steps] = sample(SCHEMAS.at(row.path))
    return assemble(made, TABLE)


@pytest.mark.parametrize("document", [{}, everything(), *(dict(one.document) for one in ready_policies())])
def test_a_form_says_what_the_document_says(document: dict[str, Any]) -> None:
    fields = written(document, SCHEMAS)
    assert all(is_field(name) for name in fields)
    assert tidy(fields, SCHEMAS) == fields
    assert read(fields, SCHEMAS) == (document, ())


def test_every_row_of_the_table_has_a_field() -> None:
    fields = written(everything(), SCHEMAS)
    for row in TABLE:
        path = "$." + row.path.replace("[]", "[0]")
        assert any(name.startswith(path) for name in fields), row.path


def test_not_set_is_neither_off_nor_empty() -> None:
    fields = {
        "$.screenCaptureDisabled": "",
        "$.bluetoothDisabled": "false",
        "$.maskline.permittedHours#empty": "1",
    }
    assert read(fields, SCHEMAS)[0] == {"bluetoothDisabled": False, "maskline": {"permittedHours": []}}


def test_what_is_no_value_of_its_kind_is_refused_in_the_words_of_the_service() -> None:
    fields = tidy(
        {
            "$.maskline.maxSilenceMinutes": "viel",
            "$.cameraAccess": "OFF",
            "$.applications[3].packageName": "not a package",
            "$.applications[3].installType": "BLOCKED",
            "$.maskline.permittedHours[0].day": "MONDAY",
            "$.maskline.permittedHours[0].startMinutes": "9 Uhr",
            "$.maskline.permittedHours[0].endMinutes": "18:00",
        },
        SCHEMAS,
    )
    document, faults = read(fields, SCHEMAS)
    assert faults == ()
    assert document["maskline"]["maxSilenceMinutes"] == "viel"
    refused = DOCUMENTS.faults(document)
    assert {(fault.path, fault.code) for fault in refused} == {
        ("$.maskline.maxSilenceMinutes", "type"),
        ("$.cameraAccess", "enum"),
        ("$.applications[0].packageName", "key"),
        ("$.maskline.permittedHours[0].startMinutes", "type"),
    }
    assert {fault.path for fault in refused} <= set(fields)


def test_empty_rows_go_and_the_rest_is_numbered_as_in_the_document() -> None:
    hours = "$.maskline.permittedHours"
    fields = {
        f"{hours}[0].day": "MONDAY",
        f"{hours}[0].startMinutes": "",
        f"{hours}[4].day": "TUESDAY",
        f"{hours}[4].startMinutes": "9:00",
        f"{hours}[4].endMinutes": "24:00",
    }
    assert read(tidy(fields, SCHEMAS), SCHEMAS)[0] == {
        "maskline": {"permittedHours": [{"day": "TUESDAY", "startMinutes": 540, "endMinutes": 1440}]}
    }


def test_an_app_is_taken_out_with_all_that_is_said_of_it() -> None:
    fields = written(
        {
            "applications": [
                {"packageName": "a.b", "installType": "BLOCKED"},
                {"packageName": "c.d", "disabled": True},
            ]
        },
        SCHEMAS,
    )
    left = tidy(without(fields, "$.applications[0]"), SCHEMAS)
    assert read(left, SCHEMAS)[0] == {"applications": [{"packageName": "c.d", "disabled": True}]}


def test_what_is_no_json_is_told_with_its_place() -> None:
    fields = {"$.openNetworkConfiguration#json": "{"}
    _, (fault,) = read(fields, SCHEMAS)
    assert (fault.path, fault.code) == ("$.openNetworkConfiguration", "json")


@pytest.mark.parametrize("name", ["$", "$.a b", "text", "$.a[x]", "$.a[99999].b", "$.a#", "$." + "a" * 600])
def test_a_name_that_is_no_path_is_no_field(name: str) -> None:
    assert not is_field(name)


def laid_out(fields: dict[str, str], *faults: Fault) -> Layout:
    return Layout(tidy(fields, SCHEMAS), Around(faults=faults), SCHEMAS, TABLE)


def cells(one: Cell) -> Iterator[Cell]:
    """Give an input with all that are part of it."""
    yield one
    for inner in (*one.cells, *(cell for row in one.rows for cell in row)):
        yield from cells(inner)


def test_the_form_has_an_input_for_all_that_a_document_says() -> None:
    fields = written(everything(), SCHEMAS)
    groups = laid_out(fields).groups()
    inputs = {cell.path for group in groups for row in group.rows for cell in cells(row.cell)}
    lists = [part for group in groups for part in group.parts if isinstance(part, KeyedList)]
    inputs |= {item.key_cell.path for one in lists for item in one.items}
    # A window's three fields stand behind one cell.
    windows = {path for path in fields if path.endswith((".day", ".startMinutes", ".endMinutes"))}
    said = {path.partition("#")[0] for path in fields}
    assert said - inputs <= windows
    assert {path.rpartition(".")[0] for path in windows} <= inputs | {"$.systemUpdate"}
    assert sum(group.given for group in groups) == len(TABLE.rows)


def test_what_is_refused_stands_beside_its_setting_and_only_there() -> None:
    fields = {
        "$.cameraAccess": "OFF",
        "$.applications[0].packageName": "a.b",
        "$.maskline.offlineLock.lockAfterHours": "48",
    }
    deep = Fault("$.maskline.permittedHours[0].day", "enum", "?", "?")
    app = Fault("$.applications[0]", "empty", "?", "?")
    pair = Fault("$.maskline.offlineLock", "contradiction", "?", "?")
    camera = Fault("$.cameraAccess", "enum", "?", "?")
    nowhere = Fault("$.unheardOf", "unknown", "?", "?")
    layout = laid_out(fields, deep, app, pair, camera, nowhere)
    groups = layout.groups()
    beside = {row.capability.path: row.faults for group in groups for row in group.rows if row.faults}
    assert beside == {
        "cameraAccess": (camera,),
        "maskline.permittedHours": (deep,),
        "maskline.offlineLock.lockAfterHours": (pair,),
    }
    lists = [part for group in groups for part in group.parts if isinstance(part, KeyedList)]
    assert [item.faults for one in lists for item in one.items if item.faults] == [(app,)]
    assert layout.homeless() == (nowhere,)


def test_a_wrong_value_is_still_chosen() -> None:
    (camera,) = (
        row
        for group in laid_out({"$.cameraAccess": "OFF"}).groups()
        for row in group.rows
        if row.name == "cameraAccess"
    )
    assert camera.cell.options[-1] == "OFF"
    assert camera.given


def test_an_accessibility_rule_is_said_to_be_best_effort() -> None:
    app = {
        "$.maskline.messagingApps[0].packageName": "com.tencent.mm",
        "$.maskline.messagingApps[0].images": "x",
    }
    means = "$.maskline.messagingApps[0].means"
    for told, best in (("ACCESSIBILITY_RULE", True), ("MANAGED_CONFIGURATION", False)):
        rows = [row for group in laid_out({**app, means: told}).groups() for row in group.rows]
        found = {row.best_effort for row in rows if row.name.startswith("maskline.messagingApps[com")}
        assert found == {best}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_groups_lists_and_values_have_words(language: str) -> None:
    known = catalogue(language)
    for group in laid_out({}).groups():
        assert f"editor.group.{group.key}" in known
    for pattern in TABLE.lists:
        assert {f"editor.{kind}.{pattern}" for kind in ("list", "add", "key")} <= set(known)
    for row in TABLE:
        field = SCHEMAS.at(row.path)
        values = [one for one in field.values if not one.endswith("_UNSPECIFIED")]
        good = [one for one in values if one not in field.deprecated_values]
        words = [enum_words(one, language) or one for one in good]
        assert len(set(words)) == len(good), row.path


def test_a_document_that_the_form_cannot_say_is_shown_as_json() -> None:
    assert opened({"cameraAccess": "CAMERA_ACCESS_DISABLED"}, 1, Look.FORM).look is Look.FORM
    for document in ({"cameraAccess": 5}, {"unheardOf": True}, {"frpAdminEmails": [""]}):
        shown = opened(document, 1, Look.FORM)
        assert (shown.look, shown.only_json) == (Look.JSON, True)


def test_a_form_that_is_sent_keeps_what_is_open_and_takes_out_what_is_dropped() -> None:
    form = DraftForm.model_validate(
        {
            "look": "form",
            "revision": "3",
            "more.$.applications[0]": "disabled",
            "drop": "$.applications[1]",
            "$.applications[0].packageName": "a.b",
            "$.applications[0].installType": "",
            "$.applications[1].packageName": "c.d",
            "text": "",
        }
    )
    one = typed(form)
    assert not form.saves
    assert one.document == {"applications": [{"packageName": "a.b"}]}
    assert one.fields["$.applications[0].disabled"] == one.fields["$.applications[0].installType"] == ""
