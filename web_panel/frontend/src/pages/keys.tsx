// Keys of other programs: made, shown once, revoked.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { read, request } from "../api";
import { useSending } from "../form";
import { t, tOr } from "../i18n";
import { Field, Problem } from "../parts/field";
import { Icon } from "../parts/icon";
import { Moment } from "../parts/words";
import { me } from "../session";
import { attempt } from "../toasts";

import "../styles/journal.css";
import "../styles/keys.css";

interface Key {
  id: string;
  name: string;
  scopes: string[];
  user_name: string;
  created_at: string;
  created_by_name: string;
  used_at: string | null;
}

interface Person {
  id: string;
  full_name: string;
}

const SCOPES = ["facts", "read_crm", "write_crm", "recordings", "tickets", "calls"] as const;

function Secret({ secret, close }: { secret: string; close: () => void }): JSX.Element {
  return (
    <div class="secret" role="status" data-testid="key-secret">
      <p class="strong">{t("keys.secret")}</p>
      <code>{secret}</code>
      <div class="row">
        <button
          class="button compact"
          type="button"
          onClick={() => void attempt(() => navigator.clipboard.writeText(secret), t("keys.copied"))}
        >
          {t("keys.copy")}
        </button>
        <button class="button quiet compact" type="button" onClick={close}>
          {t("keys.kept")}
        </button>
      </div>
    </div>
  );
}

function NewKey({ made }: { made: (secret: string) => void }): JSX.Element {
  const people = useSignal<Person[]>([]);
  useEffect(() => {
    void attempt(async () => {
      people.value = await read<Person[]>("/api/people");
    });
  }, []);
  const { failure, busy, send } = useSending(async (entered, form) => {
    const scopes = new FormData(form).getAll("scopes");
    const answer = await request<{ secret: string }>("POST", "/api/api-keys", {
      name: entered("name"),
      scopes,
      user_id: entered("user_id") || null,
    });
    form.reset();
    made(answer.secret);
  });
  return (
    <form class="new-key" noValidate data-testid="new-key" onSubmit={send}>
      <Problem failure={failure.value} testid="key-problem" />
      <Field
        name="name"
        label="keys.name"
        failure={failure.value}
        input={(attributes) => (
          <input {...attributes} maxLength={100} autoComplete="off" placeholder={t("keys.name_hint")} />
        )}
      />
      <Field
        name="user_id"
        label="keys.speaks_for"
        failure={failure.value}
        input={(attributes) => (
          <select {...attributes}>
            <option value="">{me.value?.full_name}</option>
            {people.value
              .filter((person) => person.id !== me.value?.id)
              .map((person) => (
                <option key={person.id} value={person.id}>
                  {person.full_name}
                </option>
              ))}
          </select>
        )}
      />
      <fieldset>
        <legend>{t("keys.scopes")}</legend>
        {SCOPES.map((scope) => (
          <label key={scope} class="row">
            <input type="checkbox" name="scopes" value={scope} data-testid={`scope-${scope}`} />
            {tOr("scope", scope, "field.unknown")}
          </label>
        ))}
      </fieldset>
      <div>
        <button class="button primary" type="submit" data-testid="make-key" disabled={busy.value}>
          <Icon name="lock" />
          {t("keys.make")}
        </button>
      </div>
    </form>
  );
}

function Row({ one, revoked }: { one: Key; revoked: () => void }): JSX.Element {
  const sure = useSignal(false);
  const revoke = async (): Promise<void> => {
    if (await attempt(() => request("DELETE", `/api/api-keys/${one.id}`), t("keys.revoked"))) revoked();
    sure.value = false;
  };
  return (
    <tr data-testid="key">
      <td class="strong">{one.name}</td>
      <td>{one.scopes.map((scope) => tOr("scope", scope, "field.unknown")).join(", ")}</td>
      <td>{one.user_name}</td>
      <td>
        <Moment at={one.created_at} /> <span class="muted">{one.created_by_name}</span>
      </td>
      <td>{one.used_at ? <Moment at={one.used_at} /> : <span class="muted">{t("keys.never")}</span>}</td>
      <td class="end">
        {sure.value ? (
          <div class="row">
            <button class="button danger compact" type="button" data-testid="revoke-sure" onClick={() => void revoke()}>
              {t("keys.revoke_sure")}
            </button>
            <button class="button quiet compact" type="button" onClick={() => (sure.value = false)}>
              {t("cancel")}
            </button>
          </div>
        ) : (
          <button class="button compact" type="button" data-testid="revoke" onClick={() => (sure.value = true)}>
            {t("keys.revoke")}
          </button>
        )}
      </td>
    </tr>
  );
}

export default function Keys(): JSX.Element {
  const keys = useSignal<Key[] | null>(null);
  const secret = useSignal<string | null>(null);
  const load = (): void =>
    void attempt(async () => {
      keys.value = await read<Key[]>("/api/api-keys");
    });
  useEffect(() => {
    document.title = `${t("page.keys")} – Dzvin`;
    load();
  }, []);
  const made = (shown: string): void => {
    secret.value = shown;
    load();
  };
  return (
    <>
      <div class="page-head">
        <h1>{t("page.keys")}</h1>
      </div>
      <div class="keys">
        <section class="card" aria-label={t("page.keys")}>
          {keys.value?.length === 0 && <p class="empty">{t("keys.none")}</p>}
          {keys.value !== null && keys.value.length > 0 && (
            <div class="table-wrap">
              <table class="register">
                <thead>
                  <tr>
                    <th>{t("keys.name")}</th>
                    <th>{t("keys.scopes")}</th>
                    <th>{t("keys.speaks_for")}</th>
                    <th>{t("keys.created")}</th>
                    <th>{t("keys.used")}</th>
                    <th />
                  </tr>
                </thead>
                <tbody>
                  {keys.value.map((one) => (
                    <Row key={one.id} one={one} revoked={load} />
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </section>
        <section class="card" aria-labelledby="new-key-title">
          <div class="card-head">
            <h2 id="new-key-title">{t("keys.new")}</h2>
          </div>
          {secret.value && <Secret secret={secret.value} close={() => (secret.value = null)} />}
          <NewKey made={made} />
        </section>
      </div>
    </>
  );
}
