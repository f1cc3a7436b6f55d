"""Says what does not hold of the demo's work phones."""

from collections import Counter
from typing import Any

from maskline.demo.fleet import REFUSED_SETTING, PlayedPhone, PlayedPhones
from maskline.demo.leaving import PlayedLeaving


def states(phone: PlayedPhone) -> Counter[str]:
    """Count its settings by how they stand."""
    return Counter(setting["state"] for setting in phone.detail["settings"])


def refused_setting(phone: PlayedPhone) -> dict[str, Any]:
    """Give the setting that the second phone refuses."""
    found: dict[str, Any] = next(
        setting for setting in phone.detail["settings"] if setting["name"] == REFUSED_SETTING
    )
    return found


def phone_faults(played: PlayedPhones, leaving: PlayedLeaving) -> list[str]:
    """Say what does not hold; an empty list is a demo that passed."""
    obeys, refuses = played.phones
    return [
        *(f"phones: {fault}" for phone in played.phones for fault in _proof_faults(phone)),
        *(f"obeys: {fault}" for fault in _obeying_faults(obeys)),
        *(f"refuses: {fault}" for fault in _refusing_faults(refuses)),
        *(f"conduct: {fault}" for fault in _conduct_faults(played)),
        *(f"leaving: {fault}" for fault in _leaving_faults(leaving)),
    ]


def _proof_faults(phone: PlayedPhone) -> list[str]:
    applied = [one for one in phone.detail["settings"] if one["state"] == "APPLIED"]
    return _false({
        "the report is not signed by the phone": phone.proof_holds,
        "nothing is applied": bool(applied),
        "a setting is called applied without its hash": all(
            one["reported_sha256"] == one["wanted_sha256"] for one in applied
        ),
        "somebody without a phone might call": phone.dry_run_before["decision"] == "deny",
    })  # fmt: skip


def _obeying_faults(phone: PlayedPhone) -> list[str]:
    stands = phone.detail["device"]["compliance"]
    return _false({
        f"it stands {stands}": stands == "COMPLIANT",
        "a setting is neither applied nor expected": set(states(phone)) <= {"APPLIED", "EXPECTED"},
        "its employee may not call": phone.dry_run["decision"] == "allow",
    })  # fmt: skip


def _refusing_faults(phone: PlayedPhone) -> list[str]:
    contact = phone.contact or {}
    device = phone.detail["device"]
    return _false({
        f"it stands {device['compliance']}": device["compliance"] == "NOT_COMPLIANT",
        "the refused setting is called applied": refused_setting(phone)["state"] != "APPLIED",
        f"the call got {phone.sip_status}": phone.sip_status == 403 and not phone.rang,
        "the verdict did not refuse it": contact.get("decision") == "deny",
        f"the reason was {contact.get('reason_code')}": contact.get("reason_code") == "phone-not-compliant",
    })  # fmt: skip


def _conduct_faults(played: PlayedPhones) -> list[str]:
    kinds = {event["kind"] for event in played.events}
    return _false({
        f"what came in: {sorted(kinds)}": kinds == {"CHAT_DELETED", "CONTACT_DELETED"},
        "the supervisor was not alerted to each": len(played.alerts) == len(played.events),
        "the chat is not kept": len(played.records) == 1,
        "the chat is not marked as deleted": all(record["deleted_at"] for record in played.records),
        "the chat is with no customer": all(record["customer_id"] for record in played.records),
    })  # fmt: skip


def _leaving_faults(played: PlayedLeaving) -> list[str]:
    device = played.device
    return _false({
        f"the unbinding stands {played.act['phase']}": played.act["phase"] == "done",
        f"the leaver's call got {played.sip_status}": played.sip_status >= 400 and not played.rang,
        "the audit bundle does not verify": played.bundle_verified,
        "the newcomer might call before the scan": played.dry_run_before["decision"] == "deny",
        "the newcomer may not call": played.dry_run["decision"] == "allow",
        "the phone stayed locked": played.unlocked,
        "the phone is not the newcomer's": device["compliance"] == "COMPLIANT"
        and device["employee_id"] != played.act["employee_id"],
    })  # fmt: skip


def _false(checks: dict[str, bool]) -> list[str]:
    return [fault for fault, holds in checks.items() if not holds]
