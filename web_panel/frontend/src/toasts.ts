// Short messages at the lower edge: what was refused, and why.

import { signal } from "@preact/signals";

import { failureText } from "./api";

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
}

const STAYS = 7_000;
const MOST = 4;

export const toasts = signal<readonly Toast[]>([]);
let last = 0;

export function say(text: string, bad = false): void {
  const toast = { id: ++last, text, bad };
  toasts.value = [...toasts.value.filter((other) => other.text !== text), toast].slice(-MOST);
  setTimeout(() => {
    toasts.value = toasts.value.filter((other) => other.id !== toast.id);
  }, STAYS);
}

/** Do it; say why when it is refused. Tells whether it was done. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done) say(done);
    return true;
  } catch (failure) {
    say(failureText(failure), true);
    return false;
  }
}
