"""What is wrong with a flow, as people can read it: a key with parameters and the node at fault. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec

from callflow.saying import Language

SENTENCES: Mapping[str, Mapping[str, str]] = {
    "malformed": {
        "uk": "Це не схоже на сценарій: {reason}",
        "en": "This is not of the shape of a flow: {reason}",
        "ru": "Это не похоже на сценарий: {reason}",
    },
    "unknown_start": {
        "uk": "Сценарій починається з вузла «{target}», якого немає.",
        "en": "The flow starts at node “{target}”, which does not exist.",
        "ru": "Сценарий начинается с узла «{target}», которого нет.",
    },
    "unreachable": {
        "uk": "До вузла «{node}» не веде жоден шлях.",
        "en": "No path leads to node “{node}”.",
        "ru": "К узлу «{node}» не ведёт ни один путь.",
    },
    "missing_exit": {
        "uk": "Вузол «{node}» не каже, куди веде вихід «{exit}»: абонент опиниться в глухому куті.",
        "en": "Node “{node}” does not say where its exit “{exit}” leads: the caller would come to a dead end.",
        "ru": "Узел «{node}» не говорит, куда ведёт выход «{exit}»: абонент окажется в тупике.",
    },
    "menu_without_timeout": {
        "uk": "Меню «{node}» не каже, що робити, коли абонент нічого не натискає.",
        "en": "Menu “{node}” does not say what happens when the caller presses nothing.",
        "ru": "Меню «{node}» не говорит, что делать, когда абонент ничего не нажимает.",
    },
    "menu_without_keys": {
        "uk": "У меню «{node}» немає жодної клавіші.",
        "en": "Menu “{node}” has no keys.",
        "ru": "В меню «{node}» нет ни одной клавиши.",
    },
    "unknown_node": {
        "uk": "Вихід «{exit}» вузла «{node}» веде до вузла «{target}», якого немає.",
        "en": "Exit “{exit}” of node “{node}” leads to node “{target}”, which does not exist.",
        "ru": "Выход «{exit}» узла «{node}» ведёт к узлу «{target}», которого нет.",
    },
    "no_way_out": {
        "uk": "З вузла «{node}» ніколи не можна вийти: абонент ходитиме по колу.",
        "en": "Nothing ever leads out of node “{node}”: the caller goes round in circles.",
        "ru": "Из узла «{node}» никогда нельзя выйти: абонент будет ходить по кругу.",
    },
    "silent_loop": {
        "uk": "Абонент, який нічого не натискає, ходитиме по колу без кінця: {path}.",
        "en": "A caller who presses nothing goes round for ever: {path}.",
        "ru": "Абонент, который ничего не нажимает, будет ходить по кругу без конца: {path}.",
    },
    "missing_prompt": {
        "uk": "Вузол «{node}» програє «{prompt}», а такого запису немає.",
        "en": "Node “{node}” plays “{prompt}”, and there is no such prompt.",
        "ru": "Узел «{node}» проигрывает «{prompt}», а такой записи нет.",
    },
    "no_prompt": {
        "uk": "Вузол «{node}» нічого не каже абонентові.",
        "en": "Node “{node}” says nothing to the caller.",
        "ru": "Узел «{node}» ничего не говорит абоненту.",
    },
    "unknown_target": {
        "uk": "Вузол «{node}» веде до номера «{target}», якого немає.",
        "en": "Node “{node}” leads to the number “{target}”, which does not exist.",
        "ru": "Узел «{node}» ведёт на номер «{target}», которого нет.",
    },
    "unknown_variable": {
        "uk": "Вузол «{node}» читає змінну «{variable}», якої ніхто не задає.",
        "en": "Node “{node}” reads the variable “{variable}”, which nothing sets.",
        "ru": "Узел «{node}» читает переменную «{variable}», которую никто не задаёт.",
    },
    "number_taken": {
        "uk": "Номер «{number}» уже має щось інше: сценарій ніколи не спрацював би.",
        "en": "The number “{number}” is something else already: nobody would ever come to the flow.",
        "ru": "Номер «{number}» уже занят: сценарий никогда не сработал бы.",
    },
    "bad_hours": {
        "uk": "У розкладі вузла «{node}» є помилка: «{value}».",
        "en": "The calendar of node “{node}” has a mistake: “{value}”.",
        "ru": "В расписании узла «{node}» ошибка: «{value}».",
    },
    "bad_zone": {
        "uk": "Часового поясу «{value}» немає.",
        "en": "There is no time zone “{value}”.",
        "ru": "Часового пояса «{value}» нет.",
    },
    "never_open": {
        "uk": "За розкладом вузла «{node}» ніколи не відчинено.",
        "en": "By the calendar of node “{node}” it is never open.",
        "ru": "По расписанию узла «{node}» никогда не открыто.",
    },
    "bad_lengths": {
        "uk": "Вузол «{node}» чекає щонайменше {least} цифр і щонайбільше {most}.",
        "en": "Node “{node}” waits for at least {least} digits and at most {most}.",
        "ru": "Узел «{node}» ждёт не меньше {least} цифр и не больше {most}.",
    },
    "bad_value": {
        "uk": "Вузол «{node}» не зможе сказати «{value}».",
        "en": "Node “{node}” cannot say “{value}”.",
        "ru": "Узел «{node}» не сможет сказать «{value}».",
    },
    "never_taken": {
        "uk": "Вихід «{exit}» вузла «{node}» ніколи не спрацьовує.",
        "en": "Exit “{exit}” of node “{node}” is never taken.",
        "ru": "Выход «{exit}» узла «{node}» никогда не срабатывает.",
    },
    "dead_end": {
        "uk": "Абонент потрапляє в глухий кут після вузла «{node}».",
        "en": "The caller comes to a dead end after node “{node}”.",
        "ru": "Абонент попадает в тупик после узла «{node}».",
    },
    "too_long": {
        "uk": "Один зі шляхів не закінчується за {steps} кроків.",
        "en": "One of the paths does not end within {steps} steps.",
        "ru": "Один из путей не заканчивается за {steps} шагов.",
    },
    "too_many_paths": {
        "uk": "Шляхів більше за {paths}: усіх перевірити не вдалося.",
        "en": "There are more than {paths} paths: not all could be tried.",
        "ru": "Путей больше {paths}: все проверить не удалось.",
    },
    "failed": {
        "uk": "Сценарій зупинився з помилкою: {reason}",
        "en": "The flow failed: {reason}",
        "ru": "Сценарий остановился с ошибкой: {reason}",
    },
}
WARNINGS = frozenset({"never_taken"})
"""These do not hinder publishing: what is odd may be meant."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """`node`: "" where it is the flow as a whole."""

    key: str
    node: str = ""
    parameters: Mapping[str, str] = msgspec.field(default_factory=lambda: MappingProxyType({}))

    @property
    def hinders(self) -> bool:
        """Publishing."""
        return self.key not in WARNINGS

    def sentence(self, language: Language) -> str:
        return SENTENCES[self.key][language].format_map({"node": self.node, **self.parameters})


def found(key: str, node: str = "", **parameters: object) -> Finding:
    return Finding(key=key, node=node, parameters={name: str(value) for name, value in parameters.items()})
