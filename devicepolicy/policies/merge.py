"""Lays policies over each other: of each setting the strictest value, and who asked for it. Pure.

The order in which layers are given says nothing: they are sorted by how close they are to the device. Where a
setting knows no strictness, the closest layer decides. The result is never laxer than any layer.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.ledger.record import JSON
from devicepolicy.canonical import sha256_of
from devicepolicy.capabilities.table import CapabilityTable
from devicepolicy.policies.model import Effective, Source
from devicepolicy.policies.rules import LENGTHS
from devicepolicy.policies.settings import assemble

_INSTALL = "].installType"
_APPS = "applications["
# AMAPI's complexity bands as lengths: HIGH is a PIN of 8, MEDIUM one of 4 (PasswordQuality).
_BANDS: Mapping[JSON, int] = {"COMPLEXITY_LOW": 4, "COMPLEXITY_MEDIUM": 4, "COMPLEXITY_HIGH": 8}


@dataclass(frozen=True, slots=True)
class Laid:
    """The settings of one assigned version. `depth` orders departments from the top down."""

    source: Source
    depth: int
    settings: Mapping[str, JSON]

    @property
    def rank(self) -> tuple[int, int, str]:
        """How close to the device: the greater, the closer."""
        return self.source.layer.rank, self.depth, self.source.assignment_id


@dataclass(slots=True)
class _Merged:
    settings: dict[str, JSON]
    sources: dict[str, Source]

    def set(self, name: str, value: JSON, source: Source) -> None:
        self.settings[name] = value
        self.sources[name] = source


def merge(layers: Iterable[Laid], table: CapabilityTable) -> Effective:
    """Give what holds: document, hash, settings, and for each setting the layer that decided it last."""
    ordered = sorted(layers, key=lambda laid: laid.rank)
    merged = _Merged({}, {})
    for laid in ordered:
        _lay(merged, laid, table)
    _close_lists(merged, ordered)
    _keep_passwords(merged, ordered)
    _keep_functions(merged)
    document = assemble(merged.settings, table)
    return Effective(
        document=document,
        sha256=sha256_of(document),
        settings=dict(sorted(merged.settings.items())),
        provenance=dict(sorted(merged.sources.items())),
    )


def _lay(merged: _Merged, laid: Laid, table: CapabilityTable) -> None:
    for name, value in laid.settings.items():
        row = table.of(name)
        if row is None:  # a row was dropped since the version was published: the setting has no meaning left
            continue
        if name not in merged.settings:
            merged.set(name, value, laid.source)
            continue
        before = merged.settings[name]
        strictest = row.order.strictest(before, value)
        if strictest != before:
            merged.set(name, strictest, laid.source)


def _close_lists(merged: _Merged, layers: Sequence[Laid]) -> None:
    """Block every app that a layer with an allow-list does not list: alone it would not be there."""
    listed = [name for name in merged.settings if name.startswith(_APPS) and name.endswith(_INSTALL)]
    for laid in layers:
        if laid.settings.get("playStoreMode") != "WHITELIST":
            continue
        for name in listed:
            if name not in laid.settings and merged.settings[name] != "BLOCKED":
                merged.set(name, "BLOCKED", laid.source)
    _close_personal(merged, layers)


def _close_personal(merged: _Merged, layers: Sequence[Laid]) -> None:
    prefix = "personalUsagePolicies.personalApplications["
    listed = [name for name in merged.settings if name.startswith(prefix)]
    for laid in layers:
        if laid.settings.get("personalUsagePolicies.personalPlayStoreMode") != "ALLOWLIST":
            continue
        for name in listed:
            if name not in laid.settings and merged.settings[name] != "BLOCKED":
                merged.set(name, "BLOCKED", laid.source)


def _keep_passwords(merged: _Merged, layers: Sequence[Laid]) -> None:
    """Let lengths count beside a complexity band: AMAPI enforces them only without one.

    Lengths of one layer and the band of another become COMPLEX with at least the band's length.
    """
    for name in [name for name in merged.settings if name.endswith("].passwordQuality")]:
        scope = name.removesuffix("passwordQuality")
        asked = [(laid, _BANDS[laid.settings[name]]) for laid in layers if laid.settings.get(name) in _BANDS]
        if not asked:
            continue
        lengths = any(f"{scope}{field}" in merged.settings for field in LENGTHS)
        if merged.settings[name] in _BANDS and not lengths:
            continue
        laid, floor = max(asked, key=lambda pair: pair[1])
        if merged.settings[name] in _BANDS:
            merged.set(name, "COMPLEX", laid.source)
        length = merged.settings.get(f"{scope}passwordMinimumLength", 0)
        if not isinstance(length, int) or length < floor:
            merged.set(f"{scope}passwordMinimumLength", floor, laid.source)


def _keep_functions(merged: _Merged) -> None:
    """Deny app functions across profiles where they are denied at all: AMAPI refuses the contradiction."""
    cross = "crossProfilePolicies.crossProfileAppFunctions"
    denied = merged.settings.get("appFunctions") == "APP_FUNCTIONS_DISALLOWED"
    if denied and merged.settings.get(cross) == "CROSS_PROFILE_APP_FUNCTIONS_ALLOWED":
        merged.set(cross, "CROSS_PROFILE_APP_FUNCTIONS_DISALLOWED", merged.sources["appFunctions"])
