// A visitor without a booking gets a number at the desk (R-QUEUE-20, R-QUEUE-21).

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { request } from "../api";
import { useSending } from "../form";
import { formatTime, inLanguage, t } from "../i18n";
import { services } from "../live-store";
import { PersonFields, Problem, ServiceField } from "./field";
import { Icon } from "./icon";
import { printTicket, type Paper } from "./ticket-paper";

interface Issued {
  number: string;
  service_code: string;
  starts_at: string;
}

export function serviceTitle(code: string): string {
  const service = services.value.find((one) => one.code === code);
  return service ? inLanguage(service.name, service.code) : code;
}

function Preview({ paper }: { paper: Paper }): JSX.Element {
  return (
    <div class="ticket-preview" role="status" data-testid="issued">
      <p class="muted">{t("ticket_title")}</p>
      <p class="ticket-number" data-testid="issued-number">
        {paper.number}
      </p>
      <p class="muted">
        {paper.service} · {formatTime(paper.at)}
      </p>
      <button class="button compact" type="button" data-testid="print" onClick={() => printTicket(paper)}>
        <Icon name="print" />
        {t("hall.print")}
      </button>
    </div>
  );
}

export function WalkIn(): JSX.Element {
  const issued = useSignal<Paper | null>(null);
  const { failure, busy, send } = useSending(async (entered, form) => {
    const ticket = await request<Issued>("POST", "/api/hall/tickets", {
      service_code: entered("service_code"),
      name: entered("name"),
      phone: entered("phone"),
      company_count: Number(entered("company_count")) || 1,
    });
    issued.value = { number: ticket.number, service: serviceTitle(ticket.service_code), at: ticket.starts_at };
    form.reset();
  });
  const choices = services.value.map((service) => ({ code: service.code, title: serviceTitle(service.code) }));
  return (
    <section class="card" aria-labelledby="walk-in-title">
      <div class="card-head">
        <h2 id="walk-in-title">{t("hall.walk_in")}</h2>
      </div>
      <form class="form" noValidate data-testid="walk-in" onSubmit={send}>
        <Problem failure={failure.value} testid="walk-in-problem" />
        <ServiceField failure={failure.value} services={choices} />
        <PersonFields failure={failure.value} />
        <button class="button primary" type="submit" data-testid="issue" disabled={busy.value || !choices.length}>
          <Icon name="ticket" />
          {t("hall.issue")}
        </button>
        {issued.value && <Preview paper={issued.value} />}
      </form>
    </section>
  );
}
