// Booking a visit, for anybody: the service, the time, who comes. Other websites post to the same address.

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { failureText, read, Refused, request } from "../api";
import bell from "../bell.svg";
import { formatDay, formatTime, inLanguage, language, t } from "../i18n";
import { Field } from "../parts/field";
import { company } from "../session";
import { randomKey } from "../random-key";
import { Languages } from "./sign-in";

import "../styles/hall.css";

interface Service {
  code: string;
  name: Record<string, string>;
  slot_minutes: number;
}

interface Booked {
  number: string;
  starts_at: string;
  ends_at: string;
}

const OPENS = 9;
const CLOSES = 18;

function tomorrow(): string {
  const day = new Date(Date.now() + 24 * 3600 * 1000);
  return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, "0")}-${String(day.getDate()).padStart(2, "0")}`;
}

function times(slot: number): string[] {
  const found: string[] = [];
  for (let minute = OPENS * 60; minute < CLOSES * 60; minute += Math.max(5, slot))
    found.push(`${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`);
  return found;
}

function Done({ ticket, again }: { ticket: Booked; again: () => void }): JSX.Element {
  return (
    <div class="card booked" role="status" data-testid="booked">
      <p class="muted">{t("ticket_title")}</p>
      <p class="ticket-number" data-testid="booked-number">
        {ticket.number}
      </p>
      <p class="strong">
        {formatDay(ticket.starts_at)}, {formatTime(ticket.starts_at)}
      </p>
      <p class="muted">{t("booking.come")}</p>
      <p>
        <button class="button" type="button" onClick={again}>
          {t("booking.again")}
        </button>
      </p>
    </div>
  );
}

export default function Booking(): JSX.Element {
  const services = useSignal<Service[] | null>(null);
  const chosen = useSignal("");
  const failure = useSignal<unknown>(null);
  const busy = useSignal(false);
  const booked = useSignal<Booked | null>(null);
  // One key for one booking: a form sent twice, or sent again after a lost answer, books once.
  const key = useSignal<string>(randomKey());

  useEffect(() => {
    document.title = `${t("booking.title")} – ${company.value}`;
    void read<Service[]>("/api/public/services")
      .then((found) => {
        services.value = found;
        chosen.value = found[0]?.code ?? "";
      })
      .catch((problem: unknown) => {
        failure.value = problem;
        services.value = [];
      });
  }, []);

  const submit = async (form: HTMLFormElement): Promise<void> => {
    const entered = new FormData(form);
    const text = (name: string): string => String(entered.get(name) ?? "").trim();
    busy.value = true;
    failure.value = null;
    try {
      booked.value = await request<Booked>(
        "POST",
        "/api/public/bookings",
        {
          service_code: text("service_code"),
          starts_at: `${text("day")}T${text("time")}:00`,
          name: text("name"),
          phone: text("phone"),
          company_count: Number(text("company_count")) || 1,
          language: language.value,
        },
        { "Idempotency-Key": key.value },
      );
      key.value = randomKey();
    } catch (problem) {
      failure.value = problem;
      if (problem instanceof Refused && problem.field) document.getElementById(`field-${problem.field}`)?.focus();
    } finally {
      busy.value = false;
    }
  };

  const service = services.value?.find((one) => one.code === chosen.value);
  return (
    <main class="booking">
      <div class="title">
        <img src={bell} alt="" />
        <h1>{t("booking.title")}</h1>
        <p class="muted">{company.value}</p>
      </div>
      {booked.value ? (
        <Done ticket={booked.value} again={() => (booked.value = null)} />
      ) : (
        <form
          class="card form"
          noValidate
          data-testid="booking"
          onSubmit={(event) => {
            event.preventDefault();
            void submit(event.currentTarget);
          }}
        >
          {failure.value !== null && (
            <p class="problem" role="alert" data-testid="booking-problem">
              {failureText(failure.value)}
            </p>
          )}
          {services.value?.length === 0 && failure.value === null && <p class="muted">{t("booking.no_services")}</p>}
          <Field
            name="service_code"
            label="field.service_code"
            failure={failure.value}
            input={(attributes) => (
              <select {...attributes} value={chosen.value} onChange={(event) => (chosen.value = event.currentTarget.value)}>
                {(services.value ?? []).map((one) => (
                  <option key={one.code} value={one.code}>
                    {inLanguage(one.name, one.code)}
                  </option>
                ))}
              </select>
            )}
          />
          <div class="pair">
            <Field
              name="starts_at"
              label="field.day"
              failure={failure.value}
              input={(attributes) => <input {...attributes} name="day" type="date" defaultValue={tomorrow()} />}
            />
            <Field
              name="time"
              label="field.time"
              failure={failure.value}
              input={(attributes) => (
                <select {...attributes}>
                  {times(service?.slot_minutes ?? 15).map((time) => (
                    <option key={time}>{time}</option>
                  ))}
                </select>
              )}
            />
          </div>
          <Field
            name="name"
            label="field.name"
            failure={failure.value}
            input={(attributes) => <input {...attributes} autoComplete="name" maxLength={200} />}
          />
          <div class="pair">
            <Field
              name="phone"
              label="field.phone"
              failure={failure.value}
              input={(attributes) => (
                <input {...attributes} type="tel" autoComplete="tel" placeholder="+380 __ ___ __ __" maxLength={40} />
              )}
            />
            <Field
              name="company_count"
              label="field.company_count"
              failure={failure.value}
              input={(attributes) => <input {...attributes} type="number" min={1} max={50} defaultValue="1" />}
            />
          </div>
          <button class="button primary large" type="submit" disabled={busy.value || !services.value?.length}>
            {t("booking.send")}
          </button>
        </form>
      )}
      <Languages />
    </main>
  );
}
