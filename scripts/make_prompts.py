"""Makes the audio that is shipped in callflow/prompts: spoken prompts in three languages, hold music, tones.

    python scripts/make_prompts.py [uk|en|ru|say|music|tones …]

Prompts are spoken by espeak-ng (the program, Debian package `espeak-ng`), then turned into 8 kHz mono 16-bit WAV.
The music is composed below and written note by note into a ring, so that its end flows into its beginning.
`say` makes the words of numbers, times and amounts (`callflow.saying_words`) in all languages. Needs nothing but the
standard library, and makes the same bytes each time.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import wave
from array import array
from collections.abc import Sequence
from operator import mul
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from callflow.saying_words import words  # the script runs without an installation

PROMPTS = Path(__file__).parents[1] / "callflow" / "prompts"
RATE = 8000  # Hz, the telephone's
BAND = 3400.0  # Hz, what a telephone carries
SPEECH_LEVEL, MUSIC_LEVEL = 0.12, 0.05  # root mean square, of full scale
PEAK = 0.7
LEAD, TAIL = 0.15, 0.3  # seconds of silence around a prompt
WORD_LEAD, WORD_TAIL = 0.02, 0.06  # and around a word that others follow

VOICES = {"uk": "uk", "en": "en-gb", "ru": "ru"}
TEXTS: dict[str, dict[str, str]] = {
    "welcome": {
        "uk": "Вітаємо! Дякуємо за ваш дзвінок.",
        "en": "Welcome! Thank you for calling.",
        "ru": "Здравствуйте! Спасибо за ваш звонок.",
    },
    "menu": {
        "uk": "Вітаємо! Щоб з'єднатися з оператором, натисніть один. Щоб зачекати в черзі, натисніть два.",
        "en": "Welcome! To reach an operator, press one. To wait in line, press two.",
        "ru": "Здравствуйте! Чтобы соединиться с оператором, нажмите один. Чтобы подождать в очереди, нажмите два.",
    },
    "wait": {
        "uk": "Будь ласка, зачекайте. Вам відповість перший вільний оператор.",
        "en": "Please hold the line. The first free operator will answer you.",
        "ru": "Пожалуйста, подождите. Вам ответит первый свободный оператор.",
    },
    "all_busy": {
        "uk": "Усі оператори зараз розмовляють. Будь ласка, залишайтеся на лінії.",
        "en": "All operators are busy at the moment. Please stay on the line.",
        "ru": "Все операторы сейчас заняты. Пожалуйста, оставайтесь на линии.",
    },
    "nobody": {
        "uk": "На жаль, зараз вам ніхто не може відповісти. Ми обов'язково вам передзвонимо.",
        "en": "Sorry, nobody is available to take your call. We will certainly call you back.",
        "ru": "К сожалению, сейчас вам никто не может ответить. Мы обязательно вам перезвоним.",
    },
    "goodbye": {
        "uk": "Дякуємо за дзвінок. До побачення!",
        "en": "Thank you for calling. Goodbye!",
        "ru": "Спасибо за звонок. До свидания!",
    },
    "not_in_service": {
        "uk": "Набраний номер не обслуговується. Перевірте, будь ласка, номер і зателефонуйте ще раз.",
        "en": "The number that you have dialled is not in service. Please check the number and call again.",
        "ru": "Набранный номер не обслуживается. Пожалуйста, проверьте номер и позвоните ещё раз.",
    },
    "wrong_key": {
        "uk": "Такого пункту немає. Спробуйте ще раз.",
        "en": "There is no such choice. Please try again.",
        "ru": "Такого пункта нет. Попробуйте ещё раз.",
    },
    "conference_pin": {
        "uk": "Введіть, будь ласка, пін-код конференції.",
        "en": "Please enter the PIN of the conference.",
        "ru": "Введите, пожалуйста, пин-код конференции.",
    },
    "conference_wrong_pin": {
        "uk": "Пін-код неправильний.",
        "en": "The PIN is wrong.",
        "ru": "Пин-код неверный.",
    },
    "conference_alone": {
        "uk": "Ви поки що самі в конференції.",
        "en": "You are alone in the conference so far.",
        "ru": "Вы пока одни в конференции.",
    },
    "conference_muted": {
        "uk": "Мікрофон вимкнено.",
        "en": "You are muted.",
        "ru": "Микрофон выключен.",
    },
    "conference_unmuted": {
        "uk": "Мікрофон увімкнено.",
        "en": "You can be heard again.",
        "ru": "Микрофон включён.",
    },
    "callback_offer": {
        "uk": "Не хочете чекати? Ми вам зателефонуємо, а ваше місце в черзі збережеться. Для цього натисніть:",
        "en": "You need not wait. We will call you back, and your place in the line is kept. For that, press:",
        "ru": "Не хотите ждать? Мы вам перезвоним, а ваше место в очереди сохранится. Для этого нажмите:",
    },
    "callback_number": {
        "uk": "Ми зателефонуємо вам на номер:",
        "en": "We will call you at this number:",
        "ru": "Мы перезвоним вам на номер:",
    },
    "callback_confirm": {
        "uk": "Якщо номер правильний, натисніть один. Або введіть інший номер і натисніть решітку.",
        "en": "If the number is right, press one. Or enter another number and press hash.",
        "ru": "Если номер верный, нажмите один. Или введите другой номер и нажмите решётку.",
    },
    "callback_type": {
        "uk": "Введіть, будь ласка, номер, на який вам зателефонувати, і натисніть решітку.",
        "en": "Please enter the number at which we shall call you, and press hash.",
        "ru": "Введите, пожалуйста, номер, по которому вам перезвонить, и нажмите решётку.",
    },
    "callback_refused": {
        "uk": "На жаль, на цей номер ми зателефонувати не можемо.",
        "en": "Sorry, we cannot call that number.",
        "ru": "К сожалению, на этот номер мы позвонить не можем.",
    },
    "callback_promised": {
        "uk": "Дякуємо! Ваше місце в черзі збережено, ми вам зателефонуємо. До побачення!",
        "en": "Thank you! Your place in the line is kept, and we will call you. Goodbye!",
        "ru": "Спасибо! Ваше место в очереди сохранено, мы вам перезвоним. До свидания!",
    },
    "callback_calling": {
        "uk": "Вітаємо! Ви просили вам зателефонувати. З'єднуємо вас з оператором.",
        "en": "Hello! You asked us to call you. We are connecting you with an operator.",
        "ru": "Здравствуйте! Вы просили вам позвонить. Соединяем вас с оператором.",
    },
}


def speak(voice: str, text: str) -> tuple[int, list[float]]:
    """The rate and samples (-1 to 1) of a spoken text."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spoken.wav"
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-p", "45", "-w", str(file), text], check=True)
        with wave.open(str(file), "rb") as spoken:
            samples = array("h", spoken.readframes(spoken.getnframes()))
            return spoken.getframerate(), [sample / 32768 for sample in samples]


def resample(samples: Sequence[float], rate: int) -> list[float]:
    """To the telephone's rate and band, by a windowed sinc with one set of weights for each phase."""
    divisor = math.gcd(rate, RATE)
    up, down = RATE // divisor, rate // divisor
    reach = 48  # samples to each side
    weights = [_weights(phase / up, reach, BAND / rate) for phase in range(up)]
    padded = [0.0] * reach + list(samples) + [0.0] * (reach + 1)
    result = []
    for index in range(len(samples) * up // down):
        whole, phase = divmod(index * down, up)
        result.append(sum(map(mul, weights[phase], padded[whole + 1 : whole + 1 + 2 * reach])))
    return result


def _weights(fraction: float, reach: int, cutoff: float) -> list[float]:
    weights = []
    for offset in range(1 - reach, 1 + reach):
        x = offset - fraction
        sinc = 2 * cutoff if x == 0 else math.sin(2 * math.pi * cutoff * x) / (math.pi * x)
        weights.append(sinc * (0.5 + 0.5 * math.cos(math.pi * x / (reach + 1))))
    total = sum(weights)
    return [weight / total for weight in weights]


def trimmed(samples: Sequence[float], lead: float = LEAD, tail: float = TAIL) -> list[float]:
    """Without the silence of the ends, and with ours instead."""
    loud = [index for index, sample in enumerate(samples) if abs(sample) > 0.01]
    spoken = list(samples[loud[0] : loud[-1] + 1])
    return [0.0] * int(lead * RATE) + spoken + [0.0] * int(tail * RATE)


def levelled(samples: Sequence[float], level: float) -> list[float]:
    loudness = math.sqrt(sum(sample * sample for sample in samples) / len(samples))
    gain = min(level / loudness, PEAK / max(map(abs, samples)))
    return [sample * gain for sample in samples]


# ── Music ──

BEAT = 0.375  # seconds; 8 to a bar
CHORDS: Sequence[Sequence[int]] = (  # MIDI note numbers, low to high: D, Bm, G, A, Dmaj7, Em7, G, A7
    (50, 57, 62, 66, 69), (47, 54, 62, 66, 71), (43, 55, 62, 67, 71), (45, 57, 61, 64, 69),
    (50, 57, 62, 66, 73), (52, 55, 62, 67, 71), (43, 55, 59, 62, 69), (45, 57, 61, 67, 69),
)  # fmt: skip
PATTERN = (0, 2, 3, 4, 3, 2, 4, 3)  # which note of the chord on which beat


def music() -> list[float]:
    """24 s of broken chords over held ones."""
    ring = [0.0] * int(len(CHORDS) * len(PATTERN) * BEAT * RATE)
    for bar, chord in enumerate(CHORDS):
        start = bar * len(PATTERN) * BEAT
        for note in chord[1:4]:
            _add(ring, start, _held(_pitch(note + 12), seconds=3.9), 0.10)
        for beat, step in enumerate(PATTERN):
            strength = 0.5 if beat % 4 == 0 else 0.36
            _add(ring, start + beat * BEAT, _plucked(_pitch(chord[step] + 12), seconds=2.4), strength)
    return ring


def _pitch(note: int) -> float:
    return 440.0 * math.pow(2.0, (note - 69) / 12)


def _plucked(frequency: float, seconds: float) -> list[float]:
    """A soft string: three partials, each fading faster than the one below."""
    return [
        min(t / 0.008, 1.0)
        * (1 - t / seconds)
        * sum(
            weight * math.exp(-t * fade) * math.sin(2 * math.pi * frequency * number * t)
            for number, weight, fade in ((1, 1.0, 2.2), (2, 0.35, 3.6), (3, 0.12, 5.5))
        )
        for t in (index / RATE for index in range(int(seconds * RATE)))
    ]


def _held(frequency: float, seconds: float) -> list[float]:
    """A tone that swells and sinks, with a slow waver."""
    return [
        math.sin(math.pi * t / seconds) ** 1.5 * math.sin(2 * math.pi * frequency * t + 0.6 * math.sin(2.1 * t))
        for t in (index / RATE for index in range(int(seconds * RATE)))
    ]


def _add(ring: list[float], at: float, tone: Sequence[float], strength: float) -> None:
    first = round(at * RATE)
    for index, sample in enumerate(tone, first):
        ring[index % len(ring)] += strength * sample


# ── Tones ──

TONE, TONE_LEVEL, TONE_EDGE = 425.0, 0.1, 0.005  # Hz (ITU-T E.180, Ukraine and most of Europe), of full scale, seconds
TONES: dict[str, Sequence[tuple[float, float]]] = {  # seconds of sound and of silence
    "ringing": ((1.0, 4.0),),
    "done": ((0.12, 0.12), (0.12, 0.12), (0.12, 0.3)),
    "joined": ((0.1, 0.08), (0.1, 0.02)),
    "left": ((0.25, 0.02),),
}


def tone(cadence: Sequence[tuple[float, float]]) -> list[float]:
    samples: list[float] = []
    for on, off in cadence:
        for index in range(round(on * RATE)):
            t = index / RATE
            edge = min(t / TONE_EDGE, (on - t) / TONE_EDGE, 1.0)
            samples.append(TONE_LEVEL * math.sqrt(2) * edge * math.sin(2 * math.pi * TONE * t))
        samples.extend([0.0] * round(off * RATE))
    return samples


def write(name: str, samples: Sequence[float]) -> None:
    file = PROMPTS / name
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(array("h", (round(sample * 32767) for sample in samples)).tobytes())
    print(f"{file.relative_to(PROMPTS.parent.parent)}  {len(samples) / RATE:.1f} s")


def main(wanted: Sequence[str]) -> None:
    for language, voice in VOICES.items():
        if not wanted or language in wanted:
            for name, texts in TEXTS.items():
                rate, spoken = speak(voice, texts[language])
                write(f"{language}/{name}.wav", levelled(trimmed(resample(spoken, rate)), SPEECH_LEVEL))
        if not wanted or "say" in wanted:
            for name, text in words(language).items():
                rate, spoken = speak(voice, text)
                word = trimmed(resample(spoken, rate), WORD_LEAD, WORD_TAIL)
                write(f"{language}/say/{name}.wav", levelled(word, SPEECH_LEVEL))
    if not wanted or "music" in wanted:
        write("music/hold.wav", levelled(music(), MUSIC_LEVEL))
    if not wanted or "tones" in wanted:
        for name, cadence in TONES.items():
            write(f"tones/{name}.wav", tone(cadence))


if __name__ == "__main__":
    main(sys.argv[1:])
