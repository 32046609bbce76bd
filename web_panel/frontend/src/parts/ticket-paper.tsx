// The printed ticket «Ваш номер в черзі» (R-QUEUE-21): on paper there is the ticket and nothing else.

import { signal } from "@preact/signals";
import type { JSX } from "preact";

import { formatDateTime, formatTime, t } from "../i18n";
import { company } from "../session";

export interface Paper {
  number: string;
  service: string;
  at: string;
}

const printed = signal<Paper | null>(null);

export function TicketPaper(): JSX.Element | null {
  const paper = printed.value;
  if (!paper) return null;
  return (
    <div class="ticket-paper" aria-hidden="true">
      <p>{company.value}</p>
      <p>{t("ticket_title")}</p>
      <p class="ticket-number">{paper.number}</p>
      <p>{paper.service}</p>
      <p>{t("hall.paper_time", { time: formatTime(paper.at) })}</p>
      <p>{formatDateTime(new Date())}</p>
    </div>
  );
}

export function printTicket(paper: Paper): void {
  printed.value = paper;
  // After the frame in which the ticket is drawn.
  requestAnimationFrame(() =>
    requestAnimationFrame(() => {
      document.body.classList.add("printing-ticket");
      print();
      document.body.classList.remove("printing-ticket");
    }),
  );
}
