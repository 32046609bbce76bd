// The way in.

import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import bell from "../bell.svg";
import { useSending } from "../form";
import { chooseLanguage, LANGUAGES, LANGUAGE_NAMES, language, t } from "../i18n";
import { Field, Problem } from "../parts/field";
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
  const { failure, busy, send } = useSending((entered) => signIn(entered("login"), entered("password")));
  useEffect(() => {
    document.title = "Dzvin";
  }, []);
  return (
    <main class="entrance">
      <div class="card">
        <div class="mark">
          <img src={bell} alt="" />
          <h1>Dzvin</h1>
          {company.value !== "Dzvin" && <p class="muted">{company.value}</p>}
        </div>
        <form data-testid="sign-in" onSubmit={send}>
          {endedElsewhere.value && failure.value === null && <p class="problem">{t("sign_in.ended")}</p>}
          <Problem failure={failure.value} testid="sign-in-problem" />
          <Field
            name="login"
            label="field.login"
            failure={failure.value}
            input={(attributes) => <input {...attributes} autoComplete="username" autoFocus required maxLength={200} />}
          />
          <Field
            name="password"
            label="field.password"
            failure={failure.value}
            input={(attributes) => (
              <input {...attributes} type="password" autoComplete="current-password" required maxLength={1024} />
            )}
          />
          <button class="button primary" type="submit" data-testid="enter" disabled={busy.value}>
            {t("sign_in")}
          </button>
        </form>
        <Languages />
      </div>
    </main>
  );
}
