"""The policy editor's form: the capability table as groups of settings, each with an input of its kind."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from core.ledger.record import JSON
from dashboard.pages.phones.editor_form import CLOCKS, EMPTY, is_field, under
from devicepolicy.capabilities.facts import Backend, DeviceFacts
from devicepolicy.capabilities.orders import Ladder
from devicepolicy.capabilities.table import Capability, CapabilityTable
from devicepolicy.policies.errors import Fault
from devicepolicy.policies.schema import FieldSchema, Schemas

FEW = 6
"""A list whose items have at most so many settings shows them all; others begin with the first."""
BEGIN = 1
_DAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
_UNITS = (("Hours", "hours"), ("Minutes", "minutes"), ("Days", "days"), ("Seconds", "seconds"))
_BEST_EFFORT = "maskline.messagingApps[]."


@dataclass(frozen=True, slots=True)
class Cell:
    """One input. `path` is its field's name; `label` the name of a part of a larger value."""

    path: str
    kind: str
    label: str = ""
    options: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    unit: str = ""
    cells: tuple["Cell", ...] = ()
    rows: tuple[tuple["Cell", ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What another document says of the same setting: a ready policy, or another layer of these phones."""

    kind: str
    name: str
    value: JSON


@dataclass(frozen=True, slots=True)
class Row:
    """One setting with all that is known before it is set. `name` is the setting's, with keys."""

    capability: Capability
    name: str
    cell: Cell
    given: bool
    faults: tuple[Fault, ...]
    said: tuple[Said, ...]
    unable: int
    fleet: int
    best_effort: bool
    agent_only: bool


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list with a key: an app, a password scope. `more`: settings that it may have besides."""

    path: str
    key: str
    key_cell: Cell
    rows: tuple[Row, ...]
    more: tuple[Capability, ...]
    faults: tuple[Fault, ...]
    blank: bool


@dataclass(frozen=True, slots=True)
class KeyedList:
    """A list whose items have a key; the last item is blank, for a new one."""

    pattern: str
    path: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together, as the table has them."""

    key: str
    parts: tuple[Row | KeyedList, ...]

    @property
    def rows(self) -> Iterator[Row]:
        for part in self.parts:
            if isinstance(part, Row):
                yield part
            else:
                for item in part.items:
                    yield from item.rows

    @property
    def given(self) -> int:
        return sum(row.given for row in self.rows)

    @property
    def wrong(self) -> int:
        items = (item for part in self.parts if isinstance(part, KeyedList) for item in part.items)
        return sum(len(row.faults) for row in self.rows) + sum(len(item.faults) for item in items)


@dataclass(frozen=True, slots=True)
class Around:
    """What stands beside the fields: the fleet, what the service refuses, what other documents say."""

    fleet: Mapping[DeviceFacts, int] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    said: Callable[[str], tuple[Said, ...]] = lambda _: ()
    cannot: Callable[[str, DeviceFacts], bool] = lambda _name, _facts: False


class Layout:
    """Lays a form out for a document's fields."""

    def __init__(
        self, fields: Mapping[str, str], around: Around, schemas: Schemas, table: CapabilityTable
    ) -> None:
        self._fields = fields
        self._around = around
        self._schemas = schemas
        self._table = table
        self._placed: set[Fault] = set()

    def groups(self) -> tuple[Group, ...]:
        """Give all settings, grouped and in the table's order."""
        made: dict[str, list[Row | KeyedList]] = {}
        lists: set[str] = set()
        for row in self._table:
            pattern = next((one for one in self._table.lists if row.path.startswith(f"{one}[].")), None)
            if pattern is None:
                made.setdefault(row.group, []).append(self._row(row, row.path, f"$.{row.path}"))
            elif pattern not in lists:
                lists.add(pattern)
                made.setdefault(row.group, []).append(self._list(pattern))
        return tuple(Group(key, tuple(parts)) for key, parts in made.items())

    def homeless(self) -> tuple[Fault, ...]:
        """Give what is refused at no field of the form; call it after `groups`."""
        return tuple(fault for fault in self._around.faults if fault not in self._placed)

    def _list(self, pattern: str) -> KeyedList:
        path = f"$.{pattern}"
        rows = [row for row in self._table if row.path.startswith(f"{pattern}[].")]
        taken = sorted({_index(name, path) for name in self._fields if name.startswith(f"{path}[")})
        blank = (taken[-1] if taken else -1) + 1
        items = [self._item(pattern, index, rows, blank=False) for index in taken]
        return KeyedList(pattern, path, (*items, self._item(pattern, blank, rows, blank=True)))

    def _item(self, pattern: str, index: int, rows: Sequence[Capability], *, blank: bool) -> Item:
        path, key_name = f"$.{pattern}[{index}]", self._table.lists[pattern]
        key_field = self._schemas.at(f"{pattern}[].{key_name}")
        key = self._fields.get(f"{path}.{key_name}", "")
        begun = rows if len(rows) <= FEW else rows[:BEGIN]
        shown, more = list[Row](), list[Capability]()
        for row in rows:
            place = f"{path}.{row.path.removeprefix(f'{pattern}[].')}"
            if row in begun or any(under(name, place) for name in self._fields):
                shown.append(self._row(row, row.path.replace("[]", f"[{key}]", 1), place))
            else:
                more.append(row)
        key_cell = self._cell(key_field, f"{path}.{key_name}", "", key_name)
        faults = self._faults(lambda fault: fault.path in {path, f"{path}.{key_name}"})
        return Item(path, key, key_cell, tuple(shown), tuple(more), faults, blank)

    def _row(self, capability: Capability, name: str, path: str) -> Row:
        given = any(text for field_name, text in self._fields.items() if under(field_name, path))
        faults = self._faults(lambda fault: _about(fault.path, path))
        fleet = self._around.fleet
        return Row(
            capability,
            name,
            self._cell(self._schemas.at(capability.path), path, "", capability.path.rpartition(".")[2]),
            given,
            faults,
            self._around.said(name),
            sum(count for facts, count in fleet.items() if self._around.cannot(name, facts)),
            sum(fleet.values()),
            self._best_effort(capability, path),
            bool(capability.agent) and not (capability.dpm or capability.user_manager),
        )

    def _best_effort(self, capability: Capability, path: str) -> bool:
        """An accessibility rule is no setting of the system: it is said to be what it is."""
        if not capability.path.startswith(_BEST_EFFORT):
            return False
        means = f"{path.rpartition('.')[0]}.means"
        return self._fields.get(means) != "MANAGED_CONFIGURATION"

    def _faults(self, mine: Callable[[Fault], bool]) -> tuple[Fault, ...]:
        found = tuple(fault for fault in self._around.faults if fault not in self._placed and mine(fault))
        self._placed.update(found)
        return found

    def _cell(self, schema: FieldSchema, path: str, of: str, name: str) -> Cell:
        low = 0 if schema.minimum is None and schema.type == "integer" else schema.minimum
        kind, unit = _kind(schema, of, name), _unit(schema, name)
        cell = Cell(path, kind, name if of else "", self._options(schema, path), low, schema.maximum, unit)
        if kind == "parts":
            return Cell(path, kind, cell.label, cells=self._parts(schema, path))
        if kind == "week":
            return Cell(path, kind, cell.label, rows=tuple(self._week(path)))
        if kind == "rows" and schema.items is not None:
            return Cell(path, kind, cell.label, rows=tuple(self._item_rows(schema.items, path)))
        return cell

    def _parts(self, schema: FieldSchema, path: str) -> tuple[Cell, ...]:
        fields = self._schemas.fields(schema.of)
        return tuple(
            self._cell(inner, f"{path}.{name}", schema.of, name)
            for name, inner in fields.items()
            if not inner.deprecated
        )

    def _item_rows(self, item: FieldSchema, path: str) -> Iterator[tuple[Cell, ...]]:
        taken = sorted({_index(name, path) for name in self._fields if name.startswith(f"{path}[")})
        for index in (*taken, (taken[-1] if taken else -1) + 1):
            yield self._parts(item, f"{path}[{index}]")

    def _week(self, path: str) -> Iterator[tuple[Cell, ...]]:
        """Give the windows of each weekday and one more, as pairs of times."""
        taken = sorted({_index(name, path) for name in self._fields if name.startswith(f"{path}[")})
        free = (taken[-1] if taken else -1) + 1
        for number, day in enumerate(_DAYS):
            mine = [index for index in taken if self._fields.get(f"{path}[{index}].day") == day]
            cells = [Cell(f"{path}[{index}]", "window", day) for index in (*mine, free + number)]
            yield tuple(cells)

    def _options(self, schema: FieldSchema, path: str) -> tuple[str, ...]:
        known = schema.items if schema.type == "list" and schema.items else schema
        good = [
            one
            for one in known.values
            if not one.endswith("_UNSPECIFIED") and one not in known.deprecated_values
        ]
        row = self._table.rows.get(_pattern(path))
        if row is not None and isinstance(row.order, Ladder):
            good = [one for one in row.order.values if one in good]
        typed = self._fields.get(path, "")
        if known is schema and typed and typed not in good:
            good.append(typed)
        if known is not schema:
            ticked = (name.removeprefix(f"{path}#") for name in self._fields if name.startswith(f"{path}#"))
            good += [one for one in ticked if one != EMPTY and one not in good]
        return tuple(good)


def gather(form: Mapping[str, object]) -> dict[str, str]:
    """Pick the document's fields out of a form; empty ones too: they are open."""
    return {name: text for name, text in form.items() if is_field(name) and isinstance(text, str)}


def _kind(schema: FieldSchema, of: str, name: str) -> str:
    if (of, name) in CLOCKS:
        return "clock"
    item = schema.items.type if schema.items else ""
    if schema.type == "list":
        if schema.items is not None and schema.items.of == "WeeklyWindow":
            return "week"
        return {"enum": "ticks", "object": "rows"}.get(item, "lines")
    if schema.type == "string":
        return "long" if name.endswith("Message") else "text"
    names = {
        "boolean": "flag",
        "enum": "choice",
        "integer": "figure",
        "number": "figure",
        "int64": "figure",
        "duration": "figure",
        "object": "parts",
        "json": "json",
        "any": "json",
    }
    return names.get(schema.type, "text")


def _unit(schema: FieldSchema, name: str) -> str:
    if name == "maximumTimeToLock":
        return "milliseconds"
    if schema.type == "duration":
        return "seconds"
    if name.endswith("Metres"):
        return "metres"
    return next((unit for ending, unit in _UNITS if name.endswith(ending)), "")


def _index(name: str, path: str) -> int:
    return int(name[len(path) + 1 :].partition("]")[0])


def _about(place: str, path: str) -> bool:
    """Whether a fault is about a setting: at it, below it, or at what holds it and others."""
    return under(place, path) or (place != "$" and under(path, place) and not place.endswith("]"))


def _pattern(path: str) -> str:
    steps = path.removeprefix("$.").split(".")
    return ".".join(f"{step.partition('[')[0]}[]" if "[" in step else step for step in steps)


def backends_of(row: Capability) -> tuple[Backend, ...]:
    """Give in a fixed order what carries a setting out."""
    return tuple(one for one in Backend if one in row.backends)
