// The card of my own call: it comes when my phone rings and stays while I talk.

import type { JSX } from "preact";

import { t } from "../i18n";
import { lines, myCalls } from "../live-store";
import { me } from "../session";
import type { CallPerson, CallView } from "../wire";
import { CallerCard } from "./caller-card";
import { Icon } from "./icon";
import { MyCallActions } from "./my-call-actions";
import { conferenceName, nameOf, partyNumber, partyTitle, Since, StatusPill } from "./words";

function myPart(call: CallView): CallPerson | undefined {
  return call.people.find((person) => person.extension === me.value?.extension);
}

/** For an internal call the other side is whoever of the two is not me. */
function otherSide(call: CallView): string {
  if (call.conference !== null) return conferenceName(call.conference);
  if (call.direction !== "internal") return partyTitle(call.party);
  const other = call.people.find((person) => person.extension !== me.value?.extension);
  if (other) return other.name || other.extension;
  const line = call.line ? lines.value.get(call.line)?.name : undefined;
  if (call.dialled && call.dialled !== me.value?.extension) return line ?? (nameOf(call.dialled) || call.dialled);
  return partyTitle(call.party);
}

function MyCall({ call }: { call: CallView }): JSX.Element | null {
  const part = myPart(call);
  if (!part) return null;
  const line = call.line ? lines.value.get(call.line) : undefined;
  return (
    <section class={`card my-call ${part.status}`} data-testid="my-call" data-call-id={call.call_id}>
      <StatusPill status={part.status} />
      <div class="grow">
        <div class="who clip" data-testid="my-call-who">
          {otherSide(call)}
        </div>
        <div class="muted">
          {call.direction !== "internal" && partyNumber(call.party)}
          {call.line && ` · ${line?.name ?? call.line}`}
        </div>
      </div>
      <Since at={part.since} />
      {call.event_id && (
        <a class="button" href={`/events/${call.event_id}`}>
          <Icon name="note" />
          {t("event.card")}
        </a>
      )}
      <CallerCard call={call} />
      <MyCallActions call={call} part={part} />
    </section>
  );
}

export function MyCalls(): JSX.Element {
  const ringing = myCalls.value.find((call) => myPart(call)?.status === "offered");
  return (
    <>
      <div class="only-heard" aria-live="assertive" data-testid="heard">
        {ringing && t("my_call.heard", { who: otherSide(ringing) })}
      </div>
      {myCalls.value.map((call) => (
        <MyCall key={call.call_id} call={call} />
      ))}
    </>
  );
}
