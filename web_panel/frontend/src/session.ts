// Who is signed in, and what the server says of itself to everybody.

import { signal } from "@preact/signals";

import { read, Refused, request } from "./api";
import { chooseLanguage, language, languageIsRemembered, timeZone } from "./i18n";

export interface Me {
  id: string;
  login: string;
  full_name: string;
  role: "admin" | "supervisor" | "agent" | "hall";
  language: string;
  extension: string | null;
  window: string | null;
  rights: string[];
}

interface About {
  company: string;
  language: string;
  time_zone: string;
}

export const me = signal<Me | null>(null);
export const company = signal("Dzvin");
export const known = signal(false); // whether we have asked who is signed in
export const endedElsewhere = signal(false);

export async function start(): Promise<void> {
  try {
    const about = await read<About>("/api/public/about");
    company.value = about.company;
    timeZone.value = about.time_zone;
    if (!languageIsRemembered() && navigator.languages.length === 0) chooseLanguage(about.language);
  } catch {
    // The page still works; its title is the product's.
  }
  try {
    me.value = await read<Me>("/api/session");
  } catch (failure) {
    if (failure instanceof Refused && failure.status !== 401) throw failure;
  } finally {
    known.value = true;
  }
}

export async function signIn(login: string, password: string): Promise<void> {
  me.value = await request<Me>("POST", "/api/session", { login, password });
  endedElsewhere.value = false;
  if (!languageIsRemembered()) chooseLanguage(me.value.language);
}

export async function signOut(): Promise<void> {
  try {
    await request<void>("DELETE", "/api/session");
  } finally {
    me.value = null;
  }
}

/** The websocket was closed because the session is over. */
export function signedOutElsewhere(): void {
  endedElsewhere.value = true;
  me.value = null;
}

/** Asked when the websocket is refused: a refused websocket does not say why. */
export async function checkSession(): Promise<void> {
  try {
    await read<Me>("/api/session");
  } catch (failure) {
    if (failure instanceof Refused && failure.status === 401) signedOutElsewhere();
  }
}

export async function changeLanguage(chosen: string): Promise<void> {
  chooseLanguage(chosen);
  if (me.value) await request<void>("PUT", "/api/session/language", { language: language.value });
}

export function may(right: string): boolean {
  return me.value?.rights.includes(right) ?? false;
}
