// Commands and reads over HTTP. Every refusal comes back as one kind of error with a text in the chosen language.

import { language, t, tOr } from "./i18n";

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly key: string,
    readonly field: string | null,
    readonly retryAfter: number | null,
  ) {
    super(key);
  }

  /** What to tell the person. */
  get text(): string {
    if (this.key === "too_many") return t("error.too_many", { seconds: this.retryAfter ?? 60 });
    const said = tOr("error", this.key, "error.failed");
    return this.field ? `${tOr("field", this.field, "field.unknown")}: ${said}` : said;
  }
}

interface Problem {
  error?: string;
  field?: string;
}

export async function request<T>(method: string, path: string, body?: unknown, headers: HeadersInit = {}): Promise<T> {
  const init: RequestInit = {
    method,
    headers: { Accept: "application/json", "Accept-Language": language.value, ...headers },
  };
  if (body !== undefined) {
    init.headers = { ...init.headers, "Content-Type": "application/json" };
    init.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, init);
  } catch {
    throw new Refused(0, "no_connection", null, null);
  }
  if (response.status === 204) return undefined as T;
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer as T;
  const problem = (answer ?? {}) as Problem;
  const wait = response.headers.get("Retry-After");
  throw new Refused(response.status, problem.error ?? "failed", problem.field ?? null, wait ? Number(wait) : null);
}

export const read = <T>(path: string): Promise<T> => request<T>("GET", path);

/** The text for any failure of a request. */
export function failureText(failure: unknown): string {
  return failure instanceof Refused ? failure.text : t("error.failed");
}
