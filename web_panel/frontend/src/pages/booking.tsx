// Booking a visit, for anybody: the service, the time, who comes. Other websites post to the same address.

import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { read, request } from "../api";
import bell from "../bell.svg";
import { useSending, type Entered } from "../form";
import { formatDay, formatTime, inLanguage, language, t } from "../i18n";
import { Field, PersonFields, Problem, ServiceField } from "../parts/field";
import { randomKey } from "../random-key";
import { company } from "../session";
import { attempt } from "../toasts";
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
}

const OPENS = 9;
const CLOSES = 18;
const SHORTEST_SLOT = 5; // minutes

const services = signal<readonly Service[] | null>(null);

const two = (value: number): string => String(value).padStart(2, "0");

function tomorrow(): string {
  const day = new Date(Date.now() + 24 * 3600 * 1000);
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

function times(slot: number): string[] {
  const step = Math.max(SHORTEST_SLOT, slot);
  const count = Math.floor(((CLOSES - OPENS) * 60) / step);
  return Array.from({ length: count }, (_, index) => {
    const minute = OPENS * 60 + index * step;
    return `${two(Math.floor(minute / 60))}:${two(minute % 60)}`;
  });
}

function book(entered: Entered, key: string): Promise<Booked> {
  return request<Booked>(
    "POST",
    "/api/public/bookings",
    {
      service_code: entered("service_code"),
      starts_at: `${entered("day")}T${entered("time")}:00`, // the company's local time
      name: entered("name"),
      phone: entered("phone"),
      company_count: Number(entered("company_count")) || 1,
      language: language.value,
    },
    { "Idempotency-Key": key },
  );
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

function TimeFields({ slot, failure }: { slot: number; failure: unknown }): JSX.Element {
  return (
    <div class="pair">
      <Field
        name="starts_at"
        label="field.day"
        failure={failure}
        input={(attributes) => <input {...attributes} name="day" type="date" defaultValue={tomorrow()} />}
      />
      <Field
        name="time"
        label="field.time"
        failure={failure}
        input={(attributes) => (
          <select {...attributes}>
            {times(slot).map((time) => (
              <option key={time}>{time}</option>
            ))}
          </select>
        )}
      />
    </div>
  );
}

function Form({ done }: { done: (ticket: Booked) => void }): JSX.Element {
  // One key for one booking: a form sent twice, or sent again after a lost answer, books once.
  const key = useSignal(randomKey());
  const chosen = useSignal<string | null>(null);
  const { failure, busy, send } = useSending(async (entered) => done(await book(entered, key.value)));
  const offered = services.value ?? [];
  const service = offered.find((one) => one.code === chosen.value) ?? offered[0];
  return (
    <form class="card form" noValidate data-testid="booking" onSubmit={send} onInput={() => (key.value = randomKey())}>
      <Problem failure={failure.value} testid="booking-problem" />
      {services.value?.length === 0 && <p class="muted">{t("booking.no_services")}</p>}
      <ServiceField
        failure={failure.value}
        services={offered.map((one) => ({ code: one.code, title: inLanguage(one.name, one.code) }))}
        choose={(code) => (chosen.value = code)}
      />
      <TimeFields slot={service?.slot_minutes ?? SHORTEST_SLOT} failure={failure.value} />
      <PersonFields failure={failure.value} />
      <button class="button primary large" type="submit" data-testid="book" disabled={busy.value || !service}>
        {t("booking.send")}
      </button>
    </form>
  );
}

export default function Booking(): JSX.Element {
  const booked = useSignal<Booked | null>(null);
  useEffect(() => {
    document.title = t("booking.title");
    void attempt(async () => {
      services.value = await read<Service[]>("/api/public/services");
    });
  }, []);
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
        <Form done={(ticket) => (booked.value = ticket)} />
      )}
      <Languages />
    </main>
  );
}
