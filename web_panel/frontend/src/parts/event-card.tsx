// One event: its requisites, its recordings, and the content that the agent writes (R-CALL-20, R-CALL-24).

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { JSX } from "preact";

import { read } from "../api";
import { call, writeContent } from "../commands";
import { formatDateTime, formatDuration, t, tOr } from "../i18n";
import { latest } from "../latest";
import { may, me } from "../session";
import { attempt } from "../toasts";
import { OtherClient } from "./client-search";
import { Icon, type IconName } from "./icon";
import { formatPhone, nameOf } from "./words";

export interface EventRow {
  id: string;
  type: string;
  number: string | null;
  started_at: string;
  ended_at: string | null;
  phone: string;
  e164: string | null;
  call_id: string | null;
  display_name: string;
  client_name: string | null;
  contact_name: string | null;
  owner_name: string | null;
  answered_at: string | null;
  talk_seconds: number;
  recording_id: string | null;
  internal: boolean;
  forwarded_from: string | null;
  forwarded_to: string | null;
  content: string;
  group_size: number;
}

interface Card {
  row: EventRow;
  attachments: { id: string; seconds: number; cut: boolean }[];
}

const ICONS: Record<string, [IconName, string]> = {
  incoming_call: ["incoming", "good"],
  outgoing_call: ["outgoing", "good"],
  missed_incoming_call: ["missed", "missed"],
  missed_outgoing_call: ["missed", "missed"],
  missed_call_answer: ["outgoing", "good"],
  callback: ["outgoing", "good"],
  call_forwarding: ["give", ""],
  phone_on: ["phone", ""],
  phone_off: ["phone-off", ""],
  queue: ["ticket", ""],
  electronic_queue: ["ticket", ""],
};

/** The number as people read it; a call without one was withheld, a visit without one just has none. */
export function eventPhone(row: EventRow): string {
  return formatPhone(row.e164 ?? row.phone) || (row.call_id ? t("party.withheld") : "–");
}

export function talkTime(row: EventRow): string {
  if (!row.answered_at) return "";
  return row.ended_at ? formatDuration(row.talk_seconds) : t("event.still_on");
}

export function EventTypeName({ type }: { type: string }): JSX.Element {
  const [icon, kind] = ICONS[type] ?? ["note", ""];
  return (
    <span class={`type-name ${kind}`}>
      <Icon name={icon} />
      {tOr("event_type", type, "field.unknown")}
    </span>
  );
}

/** A colleague by name and number, anybody else by number. */
function end(number: string): string {
  const name = nameOf(number);
  return name ? `${name}, ${number}` : formatPhone(number) || "–";
}

function Facts({ row }: { row: EventRow }): JSX.Element {
  const facts: [string, string][] = [
    [t("field.started"), formatDateTime(row.started_at)],
    [t("field.ended"), row.ended_at ? formatDateTime(row.ended_at) : t("event.still_on")],
    [t("field.talk"), talkTime(row) || "–"],
    [t("field.client"), row.client_name || row.display_name || "–"],
    [t("field.phone"), eventPhone(row)],
    [t("field.owner"), row.owner_name ?? "–"],
  ];
  if (row.contact_name) facts.splice(4, 0, [t("field.contact"), row.contact_name]);
  if (row.forwarded_from !== null)
    facts.push(
      [t("field.forwarded_from"), end(row.forwarded_from)],
      [t("field.forwarded_to"), end(row.forwarded_to ?? "")],
    );
  if (row.number) facts.unshift([t("field.number"), row.number]);
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd class="number">{value}</dd>
        </>
      ))}
    </dl>
  );
}

function Recordings({ card }: { card: Card }): JSX.Element | null {
  if (card.attachments.length === 0 || !may("listen_recordings")) return null;
  return (
    <section>
      <h2>{t("event.recording")}</h2>
      {card.attachments.map((recording) => (
        <div key={recording.id} data-testid="recording" data-recording-id={recording.id}>
          <audio controls preload="none" src={`/api/recordings/${recording.id}`} />
          <div class="row small muted">
            <span class="grow">
              {formatDuration(recording.seconds)}
              {recording.cut && ` · ${t("event.recording_cut")}`}
            </span>
            <a class="button quiet compact" href={`/api/recordings/${recording.id}?download=true`} download>
              <Icon name="download" />
              {t("event.download")}
            </a>
          </div>
        </div>
      ))}
    </section>
  );
}

function Content({ row, changed }: { row: EventRow; changed: () => void }): JSX.Element {
  const text = useSignal(row.content);
  const kept = useSignal(row.content);
  if (!may("write_events")) return <p>{row.content}</p>;
  const keep = async (): Promise<void> => {
    const written = text.value;
    if (await attempt(() => writeContent(row.id, written), t("event.content_kept"))) {
      kept.value = written;
      changed();
    }
  };
  return (
    <form
      class="field"
      onSubmit={(event) => {
        event.preventDefault();
        void keep();
      }}
    >
      <label for="event-content">{t("tab_content")}</label>
      <textarea
        id="event-content"
        class="input"
        maxLength={20000}
        placeholder={t("event.content_hint")}
        data-testid="content"
        value={text.value}
        onInput={(event) => (text.value = event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Enter" && (event.ctrlKey || event.metaKey) && void keep()}
      />
      <div class="row">
        <button
          class="button primary compact"
          type="submit"
          data-testid="keep-content"
          disabled={text.value === kept.value}
        >
          {t("save")}
        </button>
        <span class="muted small">Ctrl + Enter</span>
      </div>
    </form>
  );
}

export function EventCard(props: { id: string; close: () => void; changed: () => void }): JSX.Element {
  const card = useSignal<Card | null>(null);
  const newest = useMemo(latest, []);
  const load = (): Promise<unknown> =>
    attempt(() => newest(read<Card>(`/api/events/${props.id}`), (answer) => (card.value = answer)));
  useEffect(() => {
    void load();
    const escape = (event: KeyboardEvent): void => {
      if (event.key === "Escape") props.close();
    };
    addEventListener("keydown", escape);
    return () => removeEventListener("keydown", escape);
  }, [props.id]);

  const row = card.value?.row;
  return (
    <aside class="card event-card" aria-label={t("event.card")} data-testid="event-card">
      <div class="card-head">
        <h2 class="grow">{row && <EventTypeName type={row.type} />}</h2>
        <button class="icon-button" type="button" title={t("close")} aria-label={t("close")} onClick={props.close}>
          <Icon name="close" />
        </button>
      </div>
      {card.value && row ? (
        <div class="body">
          <Facts row={row} />
          {(row.phone || row.call_id) && !row.internal && may("write_events") && may("see_clients") && (
            <div>
              <OtherClient
                eventId={row.id}
                known={row.client_name !== null}
                chosen={() => void load().then(props.changed)}
              />
            </div>
          )}
          {row.phone && !row.internal && may("call") && (
            <div>
              <button
                class="button"
                type="button"
                disabled={!me.value?.extension}
                onClick={() => void attempt(() => call(row.e164 ?? row.phone), t("call.phone_will_ring"))}
              >
                <Icon name="phone" />
                {t("follow_up.call_back")}
              </button>
            </div>
          )}
          <Recordings card={card.value} />
          {row.call_id && may("supervise") && (
            <p>
              <a class="button quiet compact" href={`/calls/${row.call_id}`} data-testid="signalling">
                <Icon name="ladder" />
                {t("ladder.open")}
              </a>
            </p>
          )}
          <Content row={row} changed={props.changed} />
        </div>
      ) : (
        <p class="empty">{t("loading")}</p>
      )}
    </aside>
  );
}
