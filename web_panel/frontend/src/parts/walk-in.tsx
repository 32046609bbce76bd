// A visitor without a booking gets a number at the desk (R-QUEUE-20, R-QUEUE-21).

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import { failureText, request } from "../api";
import { formatTime, inLanguage, t } from "../i18n";
import { services } from "../live-store";
import { Field } from "./field";
import { Icon } from "./icon";
import { printTicket, type Paper } from "./ticket-paper";

interface Issued {
  number: string;
  service_code: string;
  starts_at: string;
}

export function WalkIn(): JSX.Element {
  const failure = useSignal<unknown>(null);
  const busy = useSignal(false);
  const issued = useSignal<Paper | null>(null);

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const entered = new FormData(form);
    const text = (name: string): string => String(entered.get(name) ?? "").trim();
    busy.value = true;
    failure.value = null;
    try {
      const ticket = await request<Issued>("POST", "/api/hall/tickets", {
        service_code: text("service_code"),
        name: text("name"),
        phone: text("phone"),
        company_count: Number(text("company_count")) || 1,
      });
      const service = services.value.find((one) => one.code === ticket.service_code);
      issued.value = {
        number: ticket.number,
        service: service ? inLanguage(service.name, service.code) : "",
        at: ticket.starts_at,
      };
      form.reset();
    } catch (problem) {
      failure.value = problem;
    } finally {
      busy.value = false;
    }
  };

  return (
    <section class="card" aria-labelledby="walk-in-title">
      <div class="card-head">
        <h2 id="walk-in-title">{t("hall.walk_in")}</h2>
      </div>
      <form
        class="form"
        noValidate
        data-testid="walk-in"
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        {failure.value !== null && (
          <p class="problem" role="alert">
            {failureText(failure.value)}
          </p>
        )}
        <Field
          name="service_code"
          label="field.service_code"
          failure={failure.value}
          input={(attributes) => (
            <select {...attributes}>
              {services.value.map((service) => (
                <option key={service.code} value={service.code}>
                  {inLanguage(service.name, service.code)}
                </option>
              ))}
            </select>
          )}
        />
        <Field
          name="name"
          label="field.name"
          failure={failure.value}
          input={(attributes) => <input {...attributes} maxLength={200} />}
        />
        <div class="pair">
          <Field
            name="phone"
            label="field.phone"
            failure={failure.value}
            input={(attributes) => <input {...attributes} type="tel" maxLength={40} />}
          />
          <Field
            name="company_count"
            label="field.company_count"
            failure={failure.value}
            input={(attributes) => <input {...attributes} type="number" min={1} max={50} defaultValue="1" />}
          />
        </div>
        <button class="button primary" type="submit" data-testid="issue" disabled={busy.value || !services.value.length}>
          <Icon name="ticket" />
          {t("hall.issue")}
        </button>
        {issued.value && (
          <div class="ticket-preview" role="status" data-testid="issued">
            <p class="muted">{t("ticket_title")}</p>
            <p class="ticket-number" data-testid="issued-number">
              {issued.value.number}
            </p>
            <p class="muted">
              {issued.value.service} · {formatTime(issued.value.at)}
            </p>
            <button class="button compact" type="button" onClick={() => issued.value && printTicket(issued.value)}>
              <Icon name="print" />
              {t("hall.print")}
            </button>
          </div>
        )}
      </form>
    </section>
  );
}
