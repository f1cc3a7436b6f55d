"""An administrator's pages: imports, lines, people and leaving, templates, rules, system."""

from core.web.endpoint import Endpoint
from dashboard.pages.administrator import (
    bindings,
    confirm,
    employee_acts,
    employees,
    imports,
    lines,
    rebinding,
    rules,
    system,
    templates,
    unbinding_acts,
)
from dashboard.pages.kit import Kit
from dashboard.parts import DashboardParts
from dashboard.render import Renderer


def endpoints(renderer: Renderer, parts: DashboardParts) -> list[Endpoint]:
    """Give the pages."""
    kit = Kit(renderer, parts, "administrator")
    staff = employees.EmployeePages(kit)
    return [
        *confirm.endpoints(kit),
        *imports.endpoints(kit),
        *lines.endpoints(kit),
        *bindings.endpoints(kit),
        *employees.endpoints(staff),
        *employee_acts.endpoints(staff),
        *rebinding.endpoints(kit),
        *unbinding_acts.endpoints(kit),
        *templates.endpoints(kit),
        *rules.endpoints(kit),
        *system.endpoints(kit),
    ]
