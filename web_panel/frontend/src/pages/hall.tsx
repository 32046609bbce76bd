// The hall: my visitor and my window, who waits, and the desk of the hall administrator.

import { computed, useSignal, useSignalEffect, type Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { read, request } from "../api";
import { inLanguage, plural, t } from "../i18n";
import { services, tickets } from "../live-store";
import { Icon } from "../parts/icon";
import { printTicket } from "../parts/ticket-paper";
import { WalkIn } from "../parts/walk-in";
import { formatPhone, Moment } from "../parts/words";
import { may, me } from "../session";
import { attempt, say } from "../toasts";
import type { TicketView } from "../wire";

import "../styles/hall.css";

/** A waiting ticket with the person behind it, for who may see that. */
export interface Visit {
  id: string;
  number: string;
  name: string;
  phone: string;
  company_count: number;
}

const waiting = computed(() =>
  [...tickets.value.values()]
    .filter((ticket) => ticket.state === "waiting")
    .sort((one, other) => one.starts_at.localeCompare(other.starts_at)),
);
const mine = computed(() =>
  [...tickets.value.values()].find((ticket) => ticket.state === "called" && ticket.user_id === me.value?.id),
);

function serviceName(id: string): string {
  const service = services.value.find((one) => one.id === id);
  return service ? inLanguage(service.name, service.code) : "";
}

function Visitor({ visits }: { visits: Signal<ReadonlyMap<string, Visit>> }): JSX.Element {
  const ticket = mine.value;
  const visit = ticket ? visits.value.get(ticket.id) : undefined;
  const place = me.value?.window;
  return (
    <section class={ticket ? "card visitor" : "card visitor idle"} aria-live="polite" data-testid="my-visitor">
      <p class="muted">{place ? t("window.mine", { window: place }) : t("window.none")}</p>
      <p class="ticket-number" data-testid="my-ticket">
        {ticket?.number ?? "—"}
      </p>
      {ticket ? (
        <>
          <p>
            <span class="strong">{visit?.name || serviceName(ticket.service)}</span>
            {visit && <span class="muted"> {formatPhone(visit.phone)}</span>}
          </p>
          {visit && <p class="muted">{serviceName(ticket.service)}</p>}
          <button
            class="button primary large"
            type="button"
            data-testid="serve"
            onClick={() => void attempt(() => request("POST", `/api/hall/tickets/${ticket.id}/serve`))}
          >
            {t("hall.serve")}
          </button>
        </>
      ) : (
        <button
          class="button primary large"
          type="button"
          data-testid="call-next"
          disabled={!place}
          onClick={() =>
            void attempt(async () => {
              const called = await request<{ number: string } | undefined>("POST", "/api/hall/call-next");
              if (!called) say(t("hall.nobody_due"));
            })
          }
        >
          {t("hall.call_next")}
        </button>
      )}
    </section>
  );
}

function WaitingRow({ ticket, visit }: { ticket: TicketView; visit: Visit | undefined }): JSX.Element {
  return (
    <tr data-testid="ticket" data-number={ticket.number}>
      <td class="strong number">{ticket.number}</td>
      <td class="number">
        <Moment at={ticket.starts_at} />
      </td>
      <td>{serviceName(ticket.service)}</td>
      <td class="clip">{visit?.name}</td>
      <td class="number clip">{visit && formatPhone(visit.phone)}</td>
      <td class="muted small clip way">{t(ticket.booked ? "book_site" : "book_hall")}</td>
      <td class="end">
        {may("issue_tickets") && (
          <button
            class="icon-button"
            type="button"
            title={t("hall.print")}
            aria-label={t("hall.print_number", { number: ticket.number })}
            onClick={() => printTicket({ number: ticket.number, service: serviceName(ticket.service), at: ticket.starts_at })}
          >
            <Icon name="print" />
          </button>
        )}
      </td>
    </tr>
  );
}

export default function Hall(): JSX.Element {
  const visits = useSignal<ReadonlyMap<string, Visit>>(new Map());
  useEffect(() => {
    document.title = `${t("page.hall")} – Dzvin`;
  }, []);
  // The live socket tells numbers only. Names are asked for, by right, when the list has changed.
  const known = computed(() => [...tickets.value.keys()].join());
  useSignalEffect(() => {
    void known.value;
    void attempt(async () => {
      const found = await read<Visit[]>("/api/hall/tickets");
      visits.value = new Map(found.map((visit) => [visit.id, visit]));
    });
  });
  return (
    <>
      <h1 class="only-heard">{t("page.hall")}</h1>
      <div class="hall">
        <div>
          {may("serve_tickets") && <Visitor visits={visits} />}
          {may("issue_tickets") && <WalkIn />}
        </div>
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
                    <th>{t("field.phone")}</th>
                    <th>{t("field.way")}</th>
                    <th class="end" />
                  </tr>
                </thead>
                <tbody>
                  {waiting.value.map((ticket) => (
                    <WaitingRow key={ticket.id} ticket={ticket} visit={visits.value.get(ticket.id)} />
                  ))}
                </tbody>
              </table>
            </div>
          )}
        </section>
      </div>
    </>
  );
}
