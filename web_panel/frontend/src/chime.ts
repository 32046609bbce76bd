// The sound of a called number: two bell tones by WebAudio. A browser lets a page sound only after somebody has
// touched it, so the board offers a button until then.

import { signal } from "@preact/signals";

let context: AudioContext | null = null;
export const soundAllowed = signal(false);

export async function allowSound(): Promise<void> {
  context ??= new AudioContext();
  await context.resume();
  soundAllowed.value = context.state === "running";
  if (soundAllowed.value) chime();
}

/** A browser set up as a kiosk allows sound without a touch. */
export async function tryQuietly(): Promise<void> {
  context ??= new AudioContext();
  soundAllowed.value = context.state === "running";
}

function tone(audio: AudioContext, frequency: number, start: number): void {
  for (const [harmonic, level] of [
    [1, 0.3],
    [2.76, 0.1],
    [5.4, 0.04],
  ] as const) {
    const oscillator = audio.createOscillator();
    const gain = audio.createGain();
    oscillator.frequency.value = frequency * harmonic;
    gain.gain.setValueAtTime(level, start);
    gain.gain.exponentialRampToValueAtTime(0.0001, start + 1.4 / harmonic);
    oscillator.connect(gain).connect(audio.destination);
    oscillator.start(start);
    oscillator.stop(start + 1.5);
  }
}

export function chime(): void {
  if (!context || context.state !== "running") return;
  tone(context, 659.3, context.currentTime);
  tone(context, 523.3, context.currentTime + 0.45);
}
