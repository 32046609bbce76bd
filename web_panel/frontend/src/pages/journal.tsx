// The register of events in its four kinds (R-CALL-37, R-CALL-38), and the card of the chosen one beside it.

import { batch, signal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { read } from "../api";
import { plural, t, type TextKey } from "../i18n";
import { latest } from "../latest";
import { EventCard, eventPhone, EventTypeName, talkTime, type EventRow } from "../parts/event-card";
import { Icon } from "../parts/icon";
import { TakenCall } from "../parts/taken-call";
import { Moment } from "../parts/words";
import { navigate, path } from "../router";
import { may } from "../session";
import { attempt } from "../toasts";

import "../styles/journal.css";

type View = "standard" | "unanswered_grouped" | "unanswered" | "answered";

interface Page {
  rows: EventRow[];
  page: number;
  pages: number;
  total: number;
  more: boolean;
}

const VIEWS: readonly [View, TextKey][] = [
  ["standard", "journal.standard"],
  ["unanswered_grouped", "journal.unanswered_grouped"],
  ["unanswered", "journal.unanswered"],
  ["answered", "journal.answered"],
];
const TYPING = 250; // milliseconds without a key before the search starts

const view = signal<View>("standard");
const byPhone = signal(false);
const text = signal("");
const since = signal("");
const until = signal("");
const page = signal(1);
const found = signal<Page | null>(null);
const registering = signal(false); // a call that took place elsewhere, in the place of the card
const newest = latest();
let typing: number | undefined;

function query(): string {
  const parameters = new URLSearchParams({ view: view.value, page: String(page.value) });
  if (byPhone.value) parameters.set("by_phone", "true");
  if (text.value.trim()) parameters.set("text", text.value.trim());
  if (since.value) parameters.set("since", since.value);
  if (until.value) parameters.set("until", until.value);
  return `/api/events?${parameters.toString()}`;
}

async function load(address: string): Promise<void> {
  await attempt(() => newest(read<Page>(address), (answer) => (found.value = answer)));
}

function choose(change: () => void): void {
  batch(() => {
    change();
    page.value = 1;
  });
}

/** /events/<id> shows that event's card. */
function chosenEvent(): string | null {
  return /^\/events\/([0-9a-f-]{36})$/.exec(path.value)?.[1] ?? null;
}

function Tabs(): JSX.Element {
  return (
    <div class="segmented" role="group" aria-label={t("journal.kinds")}>
      {VIEWS.map(([kind, title]) => (
        <button
          key={kind}
          type="button"
          aria-pressed={view.value === kind}
          data-testid={`view-${kind}`}
          onClick={() => choose(() => (view.value = kind))}
        >
          {t(title)}
        </button>
      ))}
    </div>
  );
}

function Filters(): JSX.Element {
  return (
    <div class="filters">
      <button
        class="button"
        type="button"
        aria-pressed={byPhone.value}
        data-testid="by-phone"
        onClick={() => choose(() => (byPhone.value = !byPhone.value))}
      >
        {t("journal.by_phone")}
      </button>
      <input
        class="input search"
        type="search"
        placeholder={t("journal.search")}
        aria-label={t("journal.search")}
        data-testid="search"
        value={text.value}
        onInput={(event) => {
          const entered = event.currentTarget.value;
          clearTimeout(typing);
          typing = window.setTimeout(() => choose(() => (text.value = entered)), TYPING);
        }}
      />
      <label class="row">
        <span class="muted">{t("journal.since")}</span>
        <input
          class="input"
          type="date"
          value={since.value}
          onInput={(event) => {
            const day = event.currentTarget.value;
            choose(() => (since.value = day));
          }}
        />
      </label>
      <label class="row">
        <span class="muted">{t("journal.until")}</span>
        <input
          class="input"
          type="date"
          value={until.value}
          onInput={(event) => {
            const day = event.currentTarget.value;
            choose(() => (until.value = day));
          }}
        />
      </label>
    </div>
  );
}

function Row({ row, chosen }: { row: EventRow; chosen: boolean }): JSX.Element {
  const name = row.client_name || row.display_name;
  const open = (): void => navigate(`/events/${row.id}`);
  return (
    <tr data-testid="event" data-event-id={row.id} data-type={row.type} aria-selected={chosen} onClick={open}>
      <td>
        <button class="open-row" type="button" onClick={open}>
          <EventTypeName type={row.type} />
        </button>
      </td>
      <td class="number">
        <Moment at={row.started_at} />
      </td>
      <td>
        <div class="clip">{name || eventPhone(row)}</div>
        {name && row.phone && <div class="muted small number clip">{eventPhone(row)}</div>}
      </td>
      <td class="clip less-wide">{row.owner_name}</td>
      <td class="end number">
        {row.group_size > 1 ? <span class="tag">×{row.group_size}</span> : talkTime(row)}
      </td>
      <td class="clip muted wide">{row.content}</td>
      <td class="wide">
        {row.recording_id && (
          <span title={t("event.has_recording")}>
            <Icon name="sound" />
            <span class="only-heard">{t("event.has_recording")}</span>
          </span>
        )}
      </td>
    </tr>
  );
}

function Pager({ answer }: { answer: Page }): JSX.Element {
  return (
    <div class="pager">
      <span class="muted">
        {answer.more ? t("journal.more", { count: answer.total }) : plural("journal.count", answer.total)}
      </span>
      <div class="row">
        <button
          class="button compact"
          type="button"
          aria-label={t("journal.previous")}
          disabled={answer.page <= 1}
          onClick={() => (page.value = answer.page - 1)}
        >
          <Icon name="left" />
        </button>
        <span class="number">{t("journal.page", { page: answer.page, pages: answer.pages })}</span>
        <button
          class="button compact"
          type="button"
          aria-label={t("journal.next")}
          data-testid="next-page"
          disabled={answer.page >= answer.pages}
          onClick={() => (page.value = answer.page + 1)}
        >
          <Icon name="right" />
        </button>
      </div>
    </div>
  );
}

function Register({ chosen }: { chosen: string | null }): JSX.Element {
  const answer = found.value;
  if (answer === null) return <p class="empty">{t("loading")}</p>;
  return (
    <>
      <div class="table-wrap">
        <table class="register" data-testid="register">
          <thead>
            <tr>
              <th>{t("field.event_type")}</th>
              <th>{t("field.started")}</th>
              <th>{t("field.client")}</th>
              <th class="less-wide">{t("field.owner")}</th>
              <th class="end">{t(view.value === "unanswered_grouped" ? "field.calls" : "field.talk")}</th>
              <th class="wide">{t("tab_content")}</th>
              <th class="wide" />
            </tr>
          </thead>
          <tbody>
            {answer.rows.map((row) => (
              <Row key={row.id} row={row} chosen={row.id === chosen} />
            ))}
          </tbody>
        </table>
      </div>
      {answer.rows.length === 0 && <p class="empty">{t(answer.more ? "journal.few_letters" : "journal.none")}</p>}
      <Pager answer={answer} />
    </>
  );
}

export default function Journal(): JSX.Element {
  const chosen = chosenEvent();
  useEffect(() => {
    document.title = `${t("module_events")} – Dzvin`;
  }, []);
  useSignalEffect(() => {
    void load(query());
  });
  return (
    <>
      <div class="page-head">
        <h1>{t("module_events")}</h1>
        <Tabs />
        {may("write_events") && (
          <button
            class="button"
            type="button"
            data-testid="register-call"
            onClick={() => {
              navigate("/events");
              registering.value = true;
            }}
          >
            <Icon name="note" />
            {t("taken.title")}
          </button>
        )}
      </div>
      <div class={chosen || registering.value ? "journal with-card" : "journal"}>
        <section class="card" aria-label={t("module_events")}>
          <Filters />
          <Register chosen={chosen} />
        </section>
        {registering.value && !chosen && (
          <TakenCall
            close={() => (registering.value = false)}
            registered={(eventId) => {
              registering.value = false;
              navigate(`/events/${eventId}`);
              void load(query());
            }}
          />
        )}
        {chosen && (
          <EventCard
            key={chosen}
            id={chosen}
            close={() => navigate("/events")}
            changed={() => void load(query())}
          />
        )}
      </div>
    </>
  );
}
