// Every text of the panel, in three languages, from the files that the server reads too.

import { effect, signal } from "@preact/signals";

import en from "../../locale/en.json";
import ru from "../../locale/ru.json";
import uk from "../../locale/uk.json";

export type Language = "uk" | "en" | "ru";
export type TextKey = keyof typeof uk;

export const LANGUAGES: readonly Language[] = ["uk", "en", "ru"];
export const LANGUAGE_NAMES: Record<Language, string> = { uk: "Українська", en: "English", ru: "Русский" };

const TEXTS: Record<Language, Record<TextKey, string>> = { uk, en, ru };
const REMEMBERED = "dzvin.language";

function isLanguage(value: string | null | undefined): value is Language {
  return value === "uk" || value === "en" || value === "ru";
}

function firstLanguage(): Language {
  const asked = new URLSearchParams(location.search).get("language");
  if (isLanguage(asked)) return asked;
  const remembered = localStorage.getItem(REMEMBERED);
  if (isLanguage(remembered)) return remembered;
  for (const language of navigator.languages) {
    const short = language.slice(0, 2).toLowerCase();
    if (isLanguage(short)) return short;
  }
  return "uk";
}

export const language = signal<Language>(firstLanguage());

effect(() => {
  document.documentElement.lang = language.value;
});

export function chooseLanguage(chosen: string): void {
  if (!isLanguage(chosen)) return;
  language.value = chosen;
  localStorage.setItem(REMEMBERED, chosen);
}

export function languageIsRemembered(): boolean {
  return isLanguage(localStorage.getItem(REMEMBERED));
}

export function t(key: TextKey, values: Record<string, string | number> = {}): string {
  let found = TEXTS[language.value][key];
  for (const [name, value] of Object.entries(values)) found = found.replaceAll(`{${name}}`, String(value));
  return found;
}

/** The text of a key that came from the server; the fallback when this front end does not know it. */
export function tOr(prefix: string, name: string, fallback: TextKey): string {
  const key = `${prefix}.${name}`;
  return key in uk ? t(key as TextKey) : t(fallback);
}

type PluralKey = { [K in TextKey]: K extends `${infer Base}.other` ? Base : never }[TextKey];

/** A text that counts: its forms are the keys `base.one`, `base.few`, `base.many`, `base.other`. */
export function plural(base: PluralKey, count: number): string {
  const form = new Intl.PluralRules(language.value).select(count);
  const key = `${base}.${form}` as TextKey;
  return t(key in uk ? key : (`${base}.other` as TextKey), { count: formatNumber(count) });
}

export function inLanguage(names: Record<string, string>, fallback: string): string {
  return names[language.value] ?? names["uk"] ?? names["en"] ?? fallback;
}

// Dates and numbers, by Intl. The time zone is the company's, so that everybody reads one clock.

export const timeZone = signal<string | undefined>(undefined);

// English is read here by people of a country that writes the day first and counts 24 hours.
const LOCALES: Record<Language, string> = { uk: "uk-UA", en: "en-GB", ru: "ru-UA" };

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const zone = timeZone.value;
  return new Intl.DateTimeFormat(LOCALES[language.value], zone ? { ...options, timeZone: zone } : options);
}

export function formatNumber(value: number): string {
  return new Intl.NumberFormat(LOCALES[language.value]).format(value);
}

/** 0.819 → 81.9 %, as the language writes it. */
export function formatShare(share: number): string {
  return new Intl.NumberFormat(LOCALES[language.value], { style: "percent", maximumFractionDigits: 1 }).format(share);
}

export function formatTime(at: string | Date): string {
  return dateFormat({ hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}

export function formatDateTime(at: string | Date): string {
  return dateFormat({ day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit" }).format(
    new Date(at),
  );
}

export function formatDay(at: string | Date): string {
  return dateFormat({ weekday: "long", day: "numeric", month: "long" }).format(new Date(at));
}

/** The company's day as the server takes it: 2026-11-28. */
export function dayOf(at: string | number): string {
  const zone = timeZone.value;
  return new Intl.DateTimeFormat("sv-SE", zone ? { timeZone: zone } : {}).format(new Date(at));
}

/** An interval of a report: the day, and the hours where it is only a part of it. */
export function formatSpan(since: string, until: string): string {
  const day = dateFormat({ day: "2-digit", month: "2-digit", year: "numeric" }).format(new Date(since));
  const isWholeDay = new Date(until).getTime() - new Date(since).getTime() > 22 * 3600 * 1000;
  return isWholeDay ? day : `${day} ${formatTime(since)}–${formatTime(until)}`;
}

/** The time alone when it is today, else the day too. */
export function formatMoment(at: string | Date, now: number): string {
  const day = dateFormat({ day: "2-digit", month: "2-digit" });
  const moment = new Date(at);
  return day.format(moment) === day.format(now) ? formatTime(moment) : `${day.format(moment)} ${formatTime(moment)}`;
}

/** The moment of a `datetime-local` input, read by the company's clock. Where clocks are set back the later one is meant. */
export function momentOf(entered: string): string {
  const asUtc = new Date(`${entered}Z`);
  const shown = dateFormat({ dateStyle: "short", timeStyle: "medium" }).resolvedOptions().timeZone;
  const wall = new Date(`${asUtc.toLocaleString("sv-SE", { timeZone: shown }).replace(" ", "T")}Z`);
  return new Date(2 * asUtc.getTime() - wall.getTime()).toISOString();
}

/** 75 → 1:15, 3725 → 1:02:05. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}
