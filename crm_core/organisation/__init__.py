"""The people of the company: who they are, what they are allowed to be, which phone is theirs."""

from __future__ import annotations

from crm_core.organisation.users import (
    LoginTaken,
    NewUser,
    NumberTaken,
    Role,
    User,
    all_users,
    by_login,
    create,
    set_locale,
    set_password_hash,
)

__all__ = [
    "LoginTaken",
    "NewUser",
    "NumberTaken",
    "Role",
    "User",
    "all_users",
    "by_login",
    "create",
    "set_locale",
    "set_password_hash",
]
