// The live page: my call, the figures, people, calls, lines, missed calls.

import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { JSX } from "preact";

import { t } from "../i18n";
import { lines, myCalls } from "../live-store";
import { me } from "../session";
import { Agents } from "../parts/agents";
import { Calls } from "../parts/calls";
import { Figures } from "../parts/figures";
import { Lines } from "../parts/lines";
import { Meetings } from "../parts/meetings";
import { Missed } from "../parts/missed";
import { MyCalls } from "../parts/my-call";
import { MySupervision } from "../parts/my-supervision";
import { Notices } from "../parts/notices";
import { Parked } from "../parts/parked";

import "../styles/desk.css";

/** The tab says what happens while another tab is in front. */
function useTitle(): void {
  useEffect(
    () =>
      effect(() => {
        const waiting = [...lines.value.values()].reduce((sum, line) => sum + line.count, 0);
        const rings = myCalls.value.some((call) =>
          call.people.some((person) => person.extension === me.value?.extension && person.status === "offered"),
        );
        document.title = rings ? `☎ ${t("status.offered")} – Dzvin` : waiting > 0 ? `(${waiting}) Dzvin` : "Dzvin";
      }),
    [],
  );
}

export function Desk(): JSX.Element {
  useTitle();
  return (
    <>
      <h1 class="only-heard">{t("page.desk")}</h1>
      <Notices />
      <MyCalls />
      <MySupervision />
      <Figures />
      <div class="desk">
        <div>
          <Agents />
        </div>
        <div class="middle">
          <Parked />
          <Meetings />
          <Lines />
          <Calls />
        </div>
        <div>
          <Missed />
        </div>
      </div>
    </>
  );
}
