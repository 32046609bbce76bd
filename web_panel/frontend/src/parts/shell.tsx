// The bar with the pages, my status, my language; the banner when the connection is lost; the messages.

import type { ComponentChildren, JSX } from "preact";

import bell from "../bell.svg";
import { LANGUAGES, LANGUAGE_NAMES, language, t } from "../i18n";
import { link } from "../live-store";
import { path } from "../router";
import { changeLanguage, company, may, me, signOut } from "../session";
import { attempt, toasts } from "../toasts";
import { Icon } from "./icon";
import { MyPhone } from "./my-phone";
import { OwnStatus } from "./own-status";

interface PageLink {
  path: string;
  title: string;
  shown: boolean;
}

function pages(): PageLink[] {
  return [
    { path: "/", title: t("page.desk"), shown: may("see_live_panel") },
    { path: "/events", title: t("module_events"), shown: may("see_events") },
    { path: "/reports", title: t("page.reports"), shown: may("supervise") },
    { path: "/lines", title: t("report.lines"), shown: may("change_lines") },
    { path: "/hall", title: t("page.hall"), shown: may("see_hall") },
    { path: "/board", title: t("page.board"), shown: may("see_hall") },
    { path: "/keys", title: t("page.keys"), shown: may("change_settings") },
  ].filter((page) => page.shown);
}

export function LanguageSelect(): JSX.Element {
  return (
    <select
      class="bar-select"
      aria-label={t("language")}
      data-testid="language"
      value={language.value}
      onChange={(event) => void attempt(() => changeLanguage(event.currentTarget.value))}
    >
      {LANGUAGES.map((code) => (
        <option key={code} value={code}>
          {LANGUAGE_NAMES[code]}
        </option>
      ))}
    </select>
  );
}

export function ConnectionBanner(): JSX.Element | null {
  if (link.value !== "lost") return null;
  return (
    <div class="banner" role="alert" data-testid="connection-lost">
      {t("connection.lost")}
    </div>
  );
}

export function Toasts(): JSX.Element {
  return (
    <div class="toasts" aria-live="polite">
      {toasts.value.map((toast) => (
        <div key={toast.id} class={toast.bad ? "toast bad" : "toast"} data-testid="toast">
          {toast.text}
        </div>
      ))}
    </div>
  );
}

export function Shell({ children }: { children: ComponentChildren }): JSX.Element {
  const person = me.value;
  return (
    <>
      <header class="bar">
        <a class="brand" href="/">
          <img src={bell} alt="" />
          Dzvin
          {company.value !== "Dzvin" && <span class="company clip">{company.value}</span>}
        </a>
        <nav aria-label={t("pages")}>
          {pages().map((page) => (
            <a key={page.path} href={page.path} aria-current={path.value === page.path ? "page" : undefined}>
              {page.title}
            </a>
          ))}
        </nav>
        {may("see_live_panel") && (person?.extension || person?.window) && <OwnStatus />}
        {may("call") && person?.extension && <MyPhone />}
        <LanguageSelect />
        {person && (
          <div class="person">
            <span class="strong clip" data-testid="me">
              {person.full_name}
            </span>
            <span class="small">{person.extension ?? t(`role.${person.role}`)}</span>
          </div>
        )}
        <button
          class="button quiet"
          type="button"
          title={t("sign_out")}
          aria-label={t("sign_out")}
          data-testid="sign-out"
          onClick={() => void attempt(signOut)}
        >
          <Icon name="door" />
        </button>
      </header>
      <ConnectionBanner />
      <main class="page">{children}</main>
    </>
  );
}
