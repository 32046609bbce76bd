"""The words that `callflow.saying` puts together, by language and prompt name: what `scripts/make_prompts.py` speaks.

Standard library only and pure: the script reads it without the rest of the product.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

SMALL = {
    "uk": "нуль один два три чотири п'ять шість сім вісім дев'ять десять одинадцять дванадцять тринадцять чотирнадцять "
    "п'ятнадцять шістнадцять сімнадцять вісімнадцять дев'ятнадцять",
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    "ru": "ноль один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать тринадцать "
    "четырнадцать пятнадцать шестнадцать семнадцать восемнадцать девятнадцать",
}
TENS = {
    "uk": "двадцять тридцять сорок п'ятдесят шістдесят сімдесят вісімдесят дев'яносто",
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "ru": "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто",
}
HUNDREDS = {
    "uk": "сто двісті триста чотириста п'ятсот шістсот сімсот вісімсот дев'ятсот",
    "en": "",
    "ru": "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот",
}
FEMININE = {"uk": "одна дві", "en": "", "ru": "одна две"}
HOURS = (  # Ukrainian tells the hour by its ordinal
    "нульова перша друга третя четверта п'ята шоста сьома восьма дев'ята десята одинадцята дванадцята тринадцята "
    "чотирнадцята п'ятнадцята шістнадцята сімнадцята вісімнадцята дев'ятнадцята двадцята "
    "двадцять\u00a0перша двадцять\u00a0друга двадцять\u00a0третя"
)
FORMS: Mapping[str, Mapping[str, str]] = {  # one, few, many; in English one and many
    "hour": {"uk": "година години годин", "en": "hour hours", "ru": "час часа часов"},
    "minute": {"uk": "хвилина хвилини хвилин", "en": "minute minutes", "ru": "минута минуты минут"},
    "second": {"uk": "секунда секунди секунд", "en": "second seconds", "ru": "секунда секунды секунд"},
    "thousand": {"uk": "тисяча тисячі тисяч", "en": "thousand", "ru": "тысяча тысячи тысяч"},
    "million": {"uk": "мільйон мільйони мільйонів", "en": "million", "ru": "миллион миллиона миллионов"},
    "hryvnia": {"uk": "гривня гривні гривень", "en": "hryvnia hryvnias", "ru": "гривна гривны гривен"},
    "kopeck": {"uk": "копійка копійки копійок", "en": "kopeck kopecks", "ru": "копейка копейки копеек"},
    "ruble": {"uk": "рубль рублі рублів", "en": "rouble roubles", "ru": "рубль рубля рублей"},
    "dollar": {"uk": "долар долари доларів", "en": "dollar dollars", "ru": "доллар доллара долларов"},
    "cent": {"uk": "цент центи центів", "en": "cent cents", "ru": "цент цента центов"},
    "euro": {"uk": "євро євро євро", "en": "euro euros", "ru": "евро евро евро"},
}
PHRASES: Mapping[str, Mapping[str, str]] = {
    "minus": {"uk": "мінус", "en": "minus", "ru": "минус"},
    "position": {"uk": "Ваш номер у черзі:", "en": "Your place in the line:", "ru": "Ваш номер в очереди:"},
    "expected_wait": {
        "uk": "Орієнтовний час очікування:",
        "en": "The expected waiting time:",
        "ru": "Примерное время ожидания:",
    },
}
ENGLISH = {"and": "and", "hundred": "hundred", "oh": "oh", "am": "a m", "pm": "p m"}


def words(language: str) -> dict[str, str]:
    """Text by the last part of a prompt's name (`say/` before it)."""
    spoken = {
        **_numbered(SMALL[language], range(20)),
        **_numbered(TENS[language], range(20, 100, 10)),
        **_numbered(HUNDREDS[language], range(100, 1000, 100)),
        **{f"{value}_f": text for value, text in zip((1, 2), FEMININE[language].split(" "), strict=False) if text},
        **{name: texts[language] for name, texts in PHRASES.items()},
    }
    forms = ("one", "many") if language == "en" else ("one", "few", "many")
    for noun, texts in FORMS.items():
        spoken |= {f"{noun}_{form}": text for form, text in zip(forms, texts[language].split(" "), strict=False)}
    if language == "uk":
        spoken |= {f"hour_{hour}": f"{text} година" for hour, text in enumerate(HOURS.split(" "))}
    return spoken | (ENGLISH if language == "en" else {})


def _numbered(text: str, values: Iterable[int]) -> dict[str, str]:
    return {str(value): word for value, word in zip(values, text.split(), strict=False)}
