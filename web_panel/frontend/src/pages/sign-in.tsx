// The way in.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { failureText } from "../api";
import bell from "../bell.svg";
import { chooseLanguage, LANGUAGES, LANGUAGE_NAMES, language, t } from "../i18n";
import { company, endedElsewhere, signIn } from "../session";

export function Languages(): JSX.Element {
  return (
    <div class="languages" role="group" aria-label={t("language")}>
      {LANGUAGES.map((code) => (
        <button
          key={code}
          type="button"
          lang={code}
          aria-pressed={language.value === code}
          data-testid={`language-${code}`}
          onClick={() => chooseLanguage(code)}
        >
          {LANGUAGE_NAMES[code]}
        </button>
      ))}
    </div>
  );
}

export function SignIn(): JSX.Element {
  const problem = useSignal<unknown>(null);
  const busy = useSignal(false);
  useEffect(() => {
    document.title = "Dzvin";
  }, []);

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const entered = new FormData(form);
    busy.value = true;
    problem.value = null;
    try {
      await signIn(String(entered.get("login") ?? ""), String(entered.get("password") ?? ""));
    } catch (failure) {
      problem.value = failure;
    } finally {
      busy.value = false;
    }
  };

  return (
    <main class="entrance">
      <div class="card">
        <div class="mark">
          <img src={bell} alt="" />
          <h1>Dzvin</h1>
          {company.value !== "Dzvin" && <p class="muted">{company.value}</p>}
        </div>
        <form
          data-testid="sign-in"
          onSubmit={(event) => {
            event.preventDefault();
            void submit(event.currentTarget);
          }}
        >
          {endedElsewhere.value && !problem.value && <p class="problem">{t("sign_in.ended")}</p>}
          {problem.value !== null && (
            <p class="problem" role="alert" data-testid="sign-in-problem">
              {failureText(problem.value)}
            </p>
          )}
          <label class="field">
            <span>{t("field.login")}</span>
            <input class="input" name="login" autoComplete="username" autoFocus required maxLength={200} />
          </label>
          <label class="field">
            <span>{t("field.password")}</span>
            <input class="input" name="password" type="password" autoComplete="current-password" required />
          </label>
          <button class="button primary" type="submit" disabled={busy.value}>
            {t("sign_in")}
          </button>
        </form>
        <Languages />
      </div>
    </main>
  );
}
