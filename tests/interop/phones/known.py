"""Every foreign phone that is tried, in the order of the table in `docs/interop.md`."""

from __future__ import annotations

from tests.interop.foreign_phone import ForeignPhone
from tests.interop.phones.baresip_debian import BaresipDebian
from tests.interop.phones.baresip_python import BaresipPython
from tests.interop.phones.jssip import JsSipPhone
from tests.interop.phones.linphone import Linphone
from tests.interop.phones.pjsua import PjsuaPhone
from tests.interop.phones.pyvoip import PyVoipPhone

PHONES: tuple[type[ForeignPhone], ...] = (BaresipDebian, BaresipPython, PjsuaPhone, Linphone, PyVoipPhone, JsSipPhone)
