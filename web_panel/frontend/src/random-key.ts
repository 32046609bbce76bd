// A key that nobody guesses. `crypto.randomUUID` is missing on pages without TLS, which a panel in an office may be.

export function randomKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
