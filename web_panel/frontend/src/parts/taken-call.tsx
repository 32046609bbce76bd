// A call that took place elsewhere is registered by hand (R-CALL-46).

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { registerCall } from "../commands";
import { useSending } from "../form";
import { momentOf, t } from "../i18n";
import { say } from "../toasts";
import { ClientSearch, type FoundClient } from "./client-search";
import { Field, Problem } from "./field";
import { Icon } from "./icon";

function Client(props: { client: FoundClient | null; choose: (client: FoundClient | null) => void }): JSX.Element {
  const searching = useSignal(false);
  if (searching.value)
    return (
      <ClientSearch
        choose={(client) => {
          searching.value = false;
          props.choose(client);
        }}
        cancel={() => (searching.value = false)}
      />
    );
  return (
    <div class="row">
      {props.client && (
        <>
          <span class="strong clip" data-testid="taken-client">
            {props.client.name}
          </span>
          <button
            class="icon-button"
            type="button"
            title={t("client.nobody")}
            aria-label={t("client.nobody")}
            onClick={() => props.choose(null)}
          >
            <Icon name="close" />
          </button>
        </>
      )}
      <button
        class="button compact"
        type="button"
        data-testid="taken-choose"
        onClick={() => (searching.value = true)}
      >
        {t(props.client ? "client.other" : "client.choose")}
      </button>
    </div>
  );
}

export function TakenCall(props: { close: () => void; registered: (eventId: string) => void }): JSX.Element {
  const client = useSignal<FoundClient | null>(null);
  const { failure, busy, send } = useSending(async (entered) => {
    const started = entered("started_at");
    const event = await registerCall({
      direction: entered("direction"),
      phone: entered("phone"),
      client_id: client.value?.id ?? null,
      started_at: started ? momentOf(started) : null,
      minutes: Number(entered("minutes")) || 0,
      content: entered("content"),
    });
    say(t("taken.registered"));
    props.registered(event.id);
  });
  useEffect(() => {
    const escape = (event: KeyboardEvent): void => {
      if (event.key === "Escape") props.close();
    };
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, []);
  return (
    <aside class="card event-card" aria-label={t("taken.title")} data-testid="taken-call">
      <div class="card-head">
        <h2 class="grow">{t("taken.title")}</h2>
        <button class="icon-button" type="button" title={t("close")} aria-label={t("close")} onClick={props.close}>
          <Icon name="close" />
        </button>
      </div>
      <form class="body" noValidate onSubmit={send}>
        <Problem failure={failure.value} testid="taken-problem" />
        <Field
          name="direction"
          label="field.direction"
          failure={failure.value}
          input={(attributes) => (
            <select {...attributes}>
              <option value="outgoing">{t("event_type.outgoing_call")}</option>
              <option value="incoming">{t("event_type.incoming_call")}</option>
            </select>
          )}
        />
        <Field
          name="phone"
          label="field.phone"
          failure={failure.value}
          input={(attributes) => <input {...attributes} type="tel" autoComplete="off" maxLength={64} />}
        />
        <div class="field">
          <span>{t("field.client")}</span>
          <Client client={client.value} choose={(chosen) => (client.value = chosen)} />
        </div>
        <Field
          name="started_at"
          label="field.started"
          failure={failure.value}
          input={(attributes) => <input {...attributes} type="datetime-local" />}
        />
        <Field
          name="minutes"
          label="field.minutes"
          failure={failure.value}
          input={(attributes) => <input {...attributes} type="number" min={0} max={1440} defaultValue="5" />}
        />
        <Field
          name="content"
          label="tab_content"
          failure={failure.value}
          input={(attributes) => (
            <textarea {...attributes} maxLength={20000} placeholder={t("event.content_hint")} />
          )}
        />
        <p class="muted small">{t("taken.hint")}</p>
        <div>
          <button class="button primary" type="submit" data-testid="taken-register" disabled={busy.value}>
            <Icon name="check" />
            {t("taken.register")}
          </button>
        </div>
      </form>
    </aside>
  );
}
