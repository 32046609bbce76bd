// The server's clock, once a second. Browsers' clocks are often wrong; what is counted here must not be.

import { computed, signal } from "@preact/signals";

const offset = signal(0);
const ticked = signal(Date.now());

export function serverSays(at: string): void {
  offset.value = new Date(at).getTime() - Date.now();
  ticked.value = Date.now();
}

export const now = computed(() => ticked.value + offset.value);

export function secondsSince(at: string): number {
  return (now.value - new Date(at).getTime()) / 1000;
}

setInterval(() => {
  ticked.value = Date.now();
}, 1000);
