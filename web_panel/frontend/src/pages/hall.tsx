// The hall: my visitor and my window, who waits, and the desk of the hall administrator.

import { computed, signal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { read, request } from "../api";
import { plural, t } from "../i18n";
import { latest } from "../latest";
import { tickets } from "../live-store";
import { Icon } from "../parts/icon";
import { printTicket } from "../parts/ticket-paper";
import { serviceTitle, WalkIn } from "../parts/walk-in";
import { formatPhone, Moment } from "../parts/words";
import { may, me } from "../session";
import { attempt, say } from "../toasts";

import "../styles/hall.css";

/** A visitor with the person behind the number, for who may see that. */
interface Ticket {
  id: string;
  number: string;
  service_code: string;
  booked: boolean;
  starts_at: string;
  state: "waiting" | "called";
  called_by: string | null;
  name: string;
  phone: string;
  checked_in_at: string | null;
}

const SETTLES = 100; // milliseconds in which several changes are one

const visitors = signal<readonly Ticket[]>([]);
const waiting = computed(() => visitors.value.filter((ticket) => ticket.state === "waiting"));
const mine = computed(() =>
  visitors.value.find((ticket) => ticket.state === "called" && ticket.called_by === me.value?.id),
);

const newest = latest();

async function load(): Promise<void> {
  await attempt(() => newest(read<Ticket[]>("/api/hall/tickets"), (answer) => (visitors.value = answer)));
}

async function callNext(): Promise<void> {
  const called = await request<Ticket | undefined>("POST", "/api/hall/call-next");
  if (called) await load();
  else say(t("hall.nobody_due"));
}

async function serve(ticket: Ticket): Promise<void> {
  await request("POST", `/api/hall/tickets/${ticket.id}/serve`);
  await load();
}

function Window(): JSX.Element {
  const place = me.value?.window;
  const served = mine.value;
  return (
    <section class={served ? "card visitor" : "card visitor idle"} aria-live="polite" data-testid="my-visitor">
      <p class="muted">{place ? t("window.mine", { window: place }) : t("window.none")}</p>
      <p class="ticket-number" data-testid="my-ticket">
        {served?.number ?? "–"}
      </p>
      {served && (
        <p>
          <span class="strong">{served.name || serviceTitle(served.service_code)}</span>
          {served.phone && <span class="muted number"> {formatPhone(served.phone)}</span>}
          {served.name && <span class="muted"> · {serviceTitle(served.service_code)}</span>}
        </p>
      )}
      {served ? (
        <button
          class="button primary large"
          type="button"
          data-testid="serve"
          onClick={() => void attempt(() => serve(served))}
        >
          {t("hall.serve")}
        </button>
      ) : (
        <button
          class="button primary large"
          type="button"
          data-testid="call-next"
          disabled={!place}
          onClick={() => void attempt(callNext)}
        >
          {t("hall.call_next")}
        </button>
      )}
    </section>
  );
}

function RowActions({ ticket }: { ticket: Ticket }): JSX.Element | null {
  if (!may("issue_tickets")) return null;
  return (
    <>
      {ticket.booked && ticket.checked_in_at && <span class="pill free">{t("hall.check_in")}</span>}
      {ticket.booked && !ticket.checked_in_at && (
        <button
          class="button quiet compact"
          type="button"
          data-testid="check-in"
          onClick={() =>
            void attempt(async () => {
              await request("POST", `/api/hall/tickets/${ticket.id}/check-in`);
              await load();
            })
          }
        >
          {t("hall.check_in")}
        </button>
      )}
      <button
        class="icon-button"
        type="button"
        title={t("hall.print")}
        aria-label={t("hall.print_number", { number: ticket.number })}
        onClick={() =>
          printTicket({ number: ticket.number, service: serviceTitle(ticket.service_code), at: ticket.starts_at })
        }
      >
        <Icon name="print" />
      </button>
    </>
  );
}

function WaitingRow({ ticket }: { ticket: Ticket }): JSX.Element {
  return (
    <tr data-testid="ticket" data-number={ticket.number}>
      <td class="strong number nowrap">{ticket.number}</td>
      <td class="number">
        <Moment at={ticket.starts_at} />
      </td>
      <td>
        <div>{serviceTitle(ticket.service_code)}</div>
        <div class="muted small">{t(ticket.booked ? "book_site" : "book_hall")}</div>
      </td>
      <td>
        <div class="clip">{ticket.name || "–"}</div>
        <div class="muted small number">{formatPhone(ticket.phone)}</div>
      </td>
      <td>
        <div class="row row-end">
          <RowActions ticket={ticket} />
        </div>
      </td>
    </tr>
  );
}

function Waiting(): JSX.Element {
  return (
    <section class="card" aria-labelledby="hall-waiting" data-testid="hall-waiting">
      <div class="card-head">
        <h2 id="hall-waiting" class="grow">
          {t("hall.waiting")}
        </h2>
        <span class="count small">{plural("hall.count", waiting.value.length)}</span>
      </div>
      {waiting.value.length === 0 ? (
        <p class="empty">{t("hall.none")}</p>
      ) : (
        <div class="table-wrap">
          <table class="register">
            <thead>
              <tr>
                <th>{t("field.ticket")}</th>
                <th>{t("field.time")}</th>
                <th>{t("field.service_code")}</th>
                <th>{t("field.name")}</th>
                <th class="end" />
              </tr>
            </thead>
            <tbody>
              {waiting.value.map((ticket) => (
                <WaitingRow key={ticket.id} ticket={ticket} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

export default function Hall(): JSX.Element {
  useEffect(() => {
    document.title = `${t("page.hall")} – Dzvin`;
  }, []);
  // The live socket says that something changed, and to everybody the same; the list is asked for by one's own right.
  useSignalEffect(() => {
    void tickets.value;
    const settled = setTimeout(() => void load(), SETTLES);
    return () => clearTimeout(settled);
  });
  return (
    <>
      <h1 class="only-heard">{t("page.hall")}</h1>
      <div class="hall">
        <div>
          {may("serve_tickets") && <Window />}
          {may("issue_tickets") && <WalkIn />}
        </div>
        <Waiting />
      </div>
    </>
  );
}
