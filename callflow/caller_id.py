"""Which number a call shows outside. Pure.

The number of a list that is called goes first, then an extension's own, then that of the line it works for, then the
trunk's. Names of our people stay inside: outside the trunk's own name is shown, or none.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from callflow.numbers import translate
from callflow.router import TrunkPlan
from pbx.leg import Identity
from pbx.trunks.presentation import Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerIds:
    extensions: Mapping[str, str] = field(default_factory=dict)  # extension -> its number outside
    withheld: Container[str] = frozenset()  # extensions that show none
    lines: Mapping[str, str] = field(default_factory=dict)  # line -> its number outside

    def shown(
        self,
        trunk: TrunkPlan,
        caller: Identity,
        *,
        extension: str | None,
        line: str | None = None,
        withheld: bool,
        of_list: str = "",
    ) -> Shown:
        """What the trunk is to show. `extension`: the caller is this one of ours; None: somebody from outside, whose
        call goes out again. `withheld`: asked for with this call. `of_list`: of the list that is called, for which it
        makes no difference what its agent shows."""
        if extension is None:
            number = caller.number if trunk.show_original else trunk.caller_id or caller.number
        elif of_list:
            number = of_list
        else:
            ours = self.extensions.get(extension) or self.lines.get(line or "") or trunk.caller_id
            number = ours or caller.number
            withheld = withheld or extension in self.withheld
        return Shown(translate(trunk.caller_out, number), trunk.caller_name, withheld)
