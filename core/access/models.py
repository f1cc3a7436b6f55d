"""Tables of access: departments, employees and their roles, sessions, tries, second factors."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import Enum, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.access.model import Role
from core.columns import SealedColumn
from core.db import Base, Id
from core.sealed import Sealed


class EmployeeState(StrEnum):
    """Whether an employee may log in and be acted for."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class Stage(StrEnum):
    """How far a log-in has come. Only `full` gives the role's permissions."""

    TOTP = "totp"
    CHANGE_PASSWORD = "change_password"  # noqa: S105 - the name of a step
    ENROL_TOTP = "enrol_totp"
    FULL = "full"


def _words(kind: type[StrEnum]) -> Enum:
    """Store an enumeration as its words, checked by the database."""
    return Enum(
        kind,
        native_enum=False,
        length=20,
        name=kind.__name__.lower(),
        create_constraint=True,
        values_callable=lambda values: [value.value for value in values],
    )


class Department(Base):
    """A department. `path` is `/root/…/own/`, so a prefix finds everything below."""

    __tablename__ = "access_departments"
    __table_args__ = (UniqueConstraint("parent_id", "name"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    parent_id: Mapped[str | None] = mapped_column(Id, ForeignKey("access_departments.id"))
    name: Mapped[str] = mapped_column(String(100))
    path: Mapped[str] = mapped_column(String(1024), index=True)
    created_at: Mapped[datetime]


class Employee(Base):
    """A person with an account. User and display names are staff data."""

    __tablename__ = "access_employees"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    username: Mapped[str] = mapped_column(String(64), unique=True)
    display_name: Mapped[str] = mapped_column(String(100))
    department_id: Mapped[str | None] = mapped_column(Id, ForeignKey("access_departments.id"), index=True)
    state: Mapped[EmployeeState] = mapped_column(_words(EmployeeState), default=EmployeeState.ACTIVE)
    password_hash: Mapped[str] = mapped_column(String(255))
    password_changed_at: Mapped[datetime]
    must_change_password: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]
    suspended_at: Mapped[datetime | None]


class EmployeeRole(Base):
    """One role of one employee."""

    __tablename__ = "access_employee_roles"

    employee_id: Mapped[str] = mapped_column(Id, ForeignKey("access_employees.id"), primary_key=True)
    role: Mapped[Role] = mapped_column(_words(Role), primary_key=True)


class Session(Base):
    """A log-in. Only the SHA-256 of its token is kept."""

    __tablename__ = "access_sessions"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    employee_id: Mapped[str] = mapped_column(Id, ForeignKey("access_employees.id"), index=True)
    stage: Mapped[Stage] = mapped_column(_words(Stage))
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    verified_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(45))


class SignInAddress(Base):
    """An address that an employee has signed in from. `judged`: whether it was looked at as a new one."""

    __tablename__ = "access_sign_in_addresses"
    __table_args__ = (Index("ix_access_sign_in_addresses_judged", "judged", "first_seen_at"),)

    employee_id: Mapped[str] = mapped_column(Id, ForeignKey("access_employees.id"), primary_key=True)
    source: Mapped[str] = mapped_column(String(45), primary_key=True)
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    judged: Mapped[bool]


class LoginAttempts(Base):
    """Wrong tries under one key: an account (hashed name) or a source address."""

    __tablename__ = "access_login_attempts"

    key: Mapped[str] = mapped_column(String(80), primary_key=True)
    tries: Mapped[int]
    last_try_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]


class Totp(Base):
    """A second factor (RFC 6238). `last_counter` is the last accepted one: a code works once."""

    __tablename__ = "access_totp"

    employee_id: Mapped[str] = mapped_column(Id, ForeignKey("access_employees.id"), primary_key=True)
    secret: Mapped[Sealed] = mapped_column(SealedColumn())
    created_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_counter: Mapped[int] = mapped_column(default=0)


class RecoveryCode(Base):
    """A code for the day the phone is lost; kept as a hash, works once."""

    __tablename__ = "access_recovery_codes"
    __table_args__ = (Index("ix_access_recovery_codes_lookup", "employee_id", "code_hash"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    employee_id: Mapped[str] = mapped_column(Id, ForeignKey("access_employees.id"))
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]
