"""Layers laid over each other: the strictest wins, whoever is given first; with provenance."""

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.ledger.record import JSON
from devicepolicy.capabilities.orders import Closest, Flag, Ladder, Names, Number, Places, Windows
from devicepolicy.capabilities.table import Capability, table
from devicepolicy.policies.document import Documents
from devicepolicy.policies.merge import Laid, merge
from devicepolicy.policies.model import Layer, Source, TargetKind
from devicepolicy.policies.rules import LENGTHS
from devicepolicy.policies.schema import schemas
from devicepolicy.policies.settings import assemble

TABLE = table()
DOCUMENTS = Documents(schemas(), TABLE)
APPS = ("com.tencent.mm", "com.tencent.wework", "com.whatsapp")
DAYS = ("MONDAY", "SUNDAY")


def laid(
    number: int, settings_: Mapping[str, JSON], layer: Layer = Layer.ORGANISATION, depth: int = 0
) -> Laid:
    source = Source(layer, TargetKind.EVERYBODY, "", f"{number:032x}", "p", f"P{number}", f"v{number}", 1)
    return Laid(source, depth, DOCUMENTS.settings(document(settings_)))


def document(settings_: Mapping[str, JSON]) -> Mapping[str, JSON]:
    return assemble(settings_, TABLE)


def values(row: Capability) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one for each kind of order
    """Draw a value of a setting."""
    order = row.order
    if isinstance(order, Flag):
        return st.booleans()
    if isinstance(order, Ladder):
        return st.sampled_from(order.values)
    if isinstance(order, Number):
        kind = schemas().at(row.path).type
        figures = st.integers(0, 40)
        return (
            figures if kind == "integer" else figures.map(lambda n: f"{n}s" if kind == "duration" else str(n))
        )
    if isinstance(order, Names):
        return st.lists(st.sampled_from(["A", "B", "C"]), max_size=3)
    if isinstance(order, Windows):
        window = st.builds(
            lambda day, start, length: {"day": day, "startMinutes": start, "endMinutes": start + length},
            st.sampled_from(DAYS), st.integers(0, 700), st.integers(1, 700),
        )  # fmt: skip
        return st.lists(window, max_size=3)
    if isinstance(order, Places):
        place = st.builds(lambda n: {"latitude": n, "longitude": 1, "radiusMetres": 100}, st.integers(0, 3))
        return st.lists(st.builds(lambda p: {"anyOf": [p]}, place), max_size=3)
    return st.builds(lambda n: {"defaultMessage": n}, st.sampled_from("xyz"))


@st.composite
def settings_of_a_layer(draw: st.DrawFn) -> dict[str, JSON]:
    """Draw settings as a checked document could hold them."""
    made: dict[str, JSON] = {}
    for row in draw(st.lists(st.sampled_from(list(TABLE)), max_size=12, unique_by=lambda row: row.path)):
        for key in draw(st.lists(st.sampled_from(APPS), min_size=1, max_size=2, unique=True)):
            made[row.path.replace("[]", f"[{key}]")] = draw(values(row))
    for app in draw(st.lists(st.sampled_from(APPS), max_size=3, unique=True)):
        made[f"applications[{app}].installType"] = draw(values(TABLE.rows["applications[].installType"]))
    for app in APPS:  # a document says the installType of every app it names, and never a band with lengths
        if any(name.startswith(f"applications[{app}]") for name in made):
            made.setdefault(f"applications[{app}].installType", "AVAILABLE")
        scope = f"passwordPolicies[{app}]."
        if str(made.get(f"{scope}passwordQuality", "")).startswith("COMPLEXITY_"):
            for length in LENGTHS:
                made.pop(f"{scope}{length}", None)
    if made.get("appFunctions") == "APP_FUNCTIONS_DISALLOWED":
        made.pop("crossProfilePolicies.crossProfileAppFunctions", None)
    return made


LAYERS = st.lists(
    st.tuples(settings_of_a_layer(), st.sampled_from(Layer), st.integers(0, 2)), min_size=1, max_size=4
)


def stack(drawn: list[tuple[dict[str, JSON], Layer, int]]) -> list[Laid]:
    return [laid(number, one, layer, depth) for number, (one, layer, depth) in enumerate(drawn)]


@settings(max_examples=50)
@given(LAYERS, st.randoms(use_true_random=False))
def test_the_order_in_which_layers_are_given_says_nothing(drawn: Any, random: Any) -> None:
    """OpenHarmony 9200010, Fleet's "most recent wins": conflicts are decided by strictness, not by time."""
    layers = stack(drawn)
    shuffled = list(layers)
    random.shuffle(shuffled)
    assert merge(shuffled, TABLE) == merge(layers, TABLE)


@settings(max_examples=50)
@given(LAYERS)
def test_laid_over_itself_a_policy_stays_what_it_is(drawn: Any) -> None:
    once = merge(stack(drawn), TABLE)
    source = next(iter(once.provenance.values()), stack(drawn)[0].source)
    again = Laid(source, 0, once.settings)
    assert merge([again, again], TABLE).settings == once.settings


@settings(max_examples=100)
@given(LAYERS)
def test_never_laxer_than_any_layer(drawn: Any) -> None:
    layers = stack(drawn)
    merged = merge(layers, TABLE)
    for layer in layers:
        for name, asked in layer.settings.items():
            row = TABLE.of(name)
            assert row is not None
            assert row.order.holds(merged.settings[name], asked), (name, merged.settings[name], asked)
        if layer.settings.get("playStoreMode") == "WHITELIST":
            for name, value in merged.settings.items():
                if (
                    name.startswith("applications[")
                    and name.endswith("].installType")
                    and name not in layer.settings
                ):
                    assert value == "BLOCKED", name
    assert set(merged.provenance) == set(merged.settings)


@settings(max_examples=60)
@given(settings_of_a_layer())
def test_every_order_is_one(drawn: dict[str, JSON]) -> None:
    """A value holds itself, and what two make together holds both."""
    for name, value in drawn.items():
        row = TABLE.of(name)
        assert row is not None
        normal = row.order.normal(value)
        assert row.order.normal(normal) == normal
        assert row.order.holds(normal, normal)
        if not isinstance(row.order, Closest):
            assert row.order.strictest(normal, normal) == normal


def test_provenance_names_who_was_strictest() -> None:
    organisation = laid(1, {"cameraAccess": "CAMERA_ACCESS_USER_CHOICE", "smsDisabled": True})
    department = laid(2, {"cameraAccess": "CAMERA_ACCESS_DISABLED", "smsDisabled": False}, Layer.DEPARTMENT)
    merged = merge([department, organisation], TABLE)
    assert merged.settings == {"cameraAccess": "CAMERA_ACCESS_DISABLED", "smsDisabled": True}
    assert merged.provenance["cameraAccess"].layer is Layer.DEPARTMENT
    assert merged.provenance["smsDisabled"].layer is Layer.ORGANISATION


def test_without_an_order_the_closest_layer_decides() -> None:
    texts = [{"shortSupportMessage": {"defaultMessage": text}} for text in ("a", "b", "c")]
    layers = [
        laid(9, texts[0], Layer.DEPARTMENT, 1),
        laid(1, texts[1], Layer.DEPARTMENT, 2),
        laid(5, texts[2]),
    ]
    assert merge(layers, TABLE).document == texts[1]


def test_an_allow_list_cannot_be_widened_by_another_layer() -> None:
    one = {"playStoreMode": "WHITELIST", f"applications[{APPS[0]}].installType": "FORCE_INSTALLED"}
    other = {"playStoreMode": "WHITELIST", f"applications[{APPS[0]}].installType": "AVAILABLE",
             f"applications[{APPS[2]}].installType": "FORCE_INSTALLED"}  # fmt: skip
    merged = merge([laid(1, one), laid(2, other, Layer.DEVICE)], TABLE)
    assert merged.settings[f"applications[{APPS[0]}].installType"] == "FORCE_INSTALLED"
    assert merged.settings[f"applications[{APPS[2]}].installType"] == "BLOCKED"
    assert merged.provenance[f"applications[{APPS[2]}].installType"].layer is Layer.ORGANISATION


def test_a_password_band_and_lengths_of_another_layer_both_hold() -> None:
    band = laid(1, {"passwordPolicies[SCOPE_DEVICE].passwordQuality": "COMPLEXITY_HIGH"})
    lengths = laid(
        2,
        {
            "passwordPolicies[SCOPE_DEVICE].passwordQuality": "ALPHANUMERIC",
            "passwordPolicies[SCOPE_DEVICE].passwordMinimumLength": 6,
        },
    )
    merged = merge([band, lengths], TABLE)
    assert merged.settings == {
        "passwordPolicies[SCOPE_DEVICE].passwordQuality": "COMPLEX",
        "passwordPolicies[SCOPE_DEVICE].passwordMinimumLength": 8,
    }
    assert DOCUMENTS.faults(merged.document) == ()


def test_hours_are_cut_and_places_add_up() -> None:
    def hours(start: int, end: int) -> dict[str, JSON]:
        return {"maskline.permittedHours": [{"day": "MONDAY", "startMinutes": start, "endMinutes": end}]}

    def places(latitude: int) -> dict[str, JSON]:
        group: JSON = {"anyOf": [{"latitude": latitude, "longitude": 0, "radiusMetres": 100}]}
        return {"maskline.permittedPlaces": [group]}

    merged = merge([laid(1, hours(480, 720) | places(1)), laid(2, hours(600, 900) | places(2))], TABLE)
    assert merged.settings["maskline.permittedHours"] == hours(600, 720)["maskline.permittedHours"]
    assert len(merged.document["maskline"]["permittedPlaces"]) == 2  # type: ignore[call-overload, index, arg-type]
    never = merge([laid(1, hours(480, 540)), laid(2, hours(600, 900))], TABLE)
    assert never.settings["maskline.permittedHours"] == []


def test_windows_have_one_form() -> None:
    def window(day: str, start: int, end: int) -> dict[str, JSON]:
        return {"day": day, "startMinutes": start, "endMinutes": end}

    order = Windows()
    twice = [
        window("TUESDAY", 0, 60),
        window("MONDAY", 0, 60),
        window("MONDAY", 0, 120),
        window("MONDAY", 120, 1440),
    ]
    assert order.normal(twice) == [window("MONDAY", 0, 1440), window("TUESDAY", 0, 60)]
    assert order.holds([window("MONDAY", 10, 20)], twice)
    assert not order.holds(twice, [window("MONDAY", 10, 20)])
    assert order.holds([], twice)


def test_nothing_assigned_is_an_empty_document() -> None:
    merged = merge([], TABLE)
    assert merged.document == {}
    assert merged.sha256 == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
