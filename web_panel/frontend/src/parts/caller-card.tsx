// Who calls: the client, what is owed and open, and what was. It comes while the phone rings, and stays in the call.

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";

import { chooseClient, createClient } from "../commands";
import { formatDuration, t, tOr } from "../i18n";
import { cards } from "../live-store";
import { may } from "../session";
import { attempt } from "../toasts";
import type { CallView, CardCallView, CardClientView, CardView } from "../wire";
import { OtherClient } from "./client-search";
import { Moment } from "./words";

const LANGUAGES = { uk: "Українська", en: "English", ru: "Русский" } as const;

export function CallerCard({ call }: { call: CallView }): JSX.Element | null {
  const card = cards.value.get(call.call_id);
  if (!card) return null;
  return (
    <section class="caller-card" aria-label={t("card.title")} data-testid="caller-card" data-state={card.state}>
      <Whose card={card} call={call} />
      <Owed card={card} />
      <Part title={t("card.calls")} entries={card.calls} row={(each) => <LastCall key={each.event_id} call={each} />} />
      <Part
        title={t("card.tasks")}
        entries={card.tasks}
        row={(task) => (
          <li key={task.id} class="clip">
            {task.title || t("card.task")} {task.due_at && <Moment at={task.due_at} />}
          </li>
        )}
      />
      <Part
        title={t("card.tickets")}
        entries={card.tickets}
        row={(ticket) => (
          <li key={ticket.id}>
            <b>{ticket.number}</b> <Moment at={ticket.starts_at} /> {ticket.window && `· ${ticket.window}`}
          </li>
        )}
      />
    </section>
  );
}

function Whose({ card, call }: { card: CardView; call: CallView }): JSX.Element {
  const [client] = card.clients;
  if (card.state === "late") return <div class="whose muted">{t("card.late")}</div>;
  const writes = call.event_id !== null && may("write_events");
  const other = writes && <OtherClient eventId={call.event_id ?? ""} known={card.state === "known"} />;
  if (card.state === "known" && client) return <Client client={client} other={other} />;
  if (card.state === "several")
    return (
      <div class="whose">
        <span class="muted">{t("card.several")}</span>
        {card.clients.map((each) => (
          <button
            key={each.id}
            class="button compact"
            type="button"
            data-testid="card-choose"
            disabled={!writes}
            onClick={() => void attempt(() => chooseClient(call.event_id ?? "", each.id), t("card.chosen"))}
          >
            {each.name} · {Math.round(each.confidence * 100)} %
            {each.black_listed && <span class="black-listed">{t("card.black_listed")}</span>}
          </button>
        ))}
        {other}
      </div>
    );
  return (
    <div class="whose">
      <span class="muted">{t("card.unknown")}</span>
      {writes && may("write_clients") && <Create eventId={call.event_id ?? ""} name={call.party.name} />}
      {other}
    </div>
  );
}

function Client({ client, other }: { client: CardClientView; other: ComponentChildren }): JSX.Element {
  return (
    <div class="whose">
      <span class="client-name clip" data-testid="card-client">
        {client.name}
      </span>
      {client.black_listed && (
        <span class="black-listed" data-testid="card-black-listed">
          {t("card.black_listed")}
        </span>
      )}
      {client.contact_name && (
        <span>
          {client.contact_name}
          {client.job_title && <span class="muted"> · {client.job_title}</span>}
        </span>
      )}
      {client.language && <span>{t("card.language", { language: LANGUAGES[client.language] })}</span>}
      {client.owner_name && <span class="muted">{t("card.owner", { name: client.owner_name })}</span>}
      {other}
    </div>
  );
}

/** One click when the switchboard said a name; else the name is typed. */
function Create({ eventId, name }: { eventId: string; name: string }): JSX.Element {
  const typed = useSignal(name);
  return (
    <form
      class="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        void attempt(() => createClient(eventId, typed.value.trim()), t("card.created"));
      }}
    >
      <input
        class="input compact"
        required
        maxLength={300}
        placeholder={t("card.name")}
        aria-label={t("card.name")}
        data-testid="card-name"
        value={typed.value}
        onInput={(event) => (typed.value = event.currentTarget.value)}
      />
      <button class="button compact" type="submit" data-testid="card-create">
        {t("card.create")}
      </button>
    </form>
  );
}

function Owed({ card: { follow_up: owed } }: { card: CardView }): JSX.Element | null {
  if (!owed) return null;
  return (
    <div class="part" data-testid="card-follow-up">
      <h3>{t("card.follow_up")}</h3>
      ×{owed.missed_count} · {owed.owner_name} · <Moment at={owed.due_at} />
    </div>
  );
}

function LastCall({ call }: { call: CardCallView }): JSX.Element {
  return (
    <li class="clip">
      <a href={`/events/${call.event_id}`}>
        {tOr("event_type", call.type, "field.unknown")} <Moment at={call.started_at} />
      </a>
      {call.talk_seconds > 0 && ` · ${formatDuration(call.talk_seconds)}`}
      {call.owner_name && <span class="muted"> · {call.owner_name}</span>}
    </li>
  );
}

function Part<T>(props: {
  title: string;
  entries: readonly T[];
  row: (entry: T) => ComponentChildren;
}): JSX.Element | null {
  if (props.entries.length === 0) return null;
  return (
    <div class="part">
      <h3>{props.title}</h3>
      <ul>{props.entries.map(props.row)}</ul>
    </div>
  );
}
