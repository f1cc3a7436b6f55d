"""Every table of the house, gathered: who keeps a table keeps it in a `models.py`."""

import importlib
import pkgutil

import core
import devicepolicy
import gateway
import qa
from core.db import Base

OUTSIDE_MODELS = ("core.heartbeat", "core.lease", "core.outbox", "core.vault")


def load_metadata() -> "type[Base]":
    """Import every module that declares tables and give the declarative base that knows them all."""
    for package in (core, devicepolicy, gateway, qa):
        for module in pkgutil.walk_packages(package.__path__, prefix=f"{package.__name__}."):
            if module.name.rpartition(".")[2] == "models" or module.name in OUTSIDE_MODELS:
                importlib.import_module(module.name)
    return Base
