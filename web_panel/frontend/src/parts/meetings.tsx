// Conferences in which somebody is: who, heard or not, and what their moderators may do.

import { computed } from "@preact/signals";
import type { JSX } from "preact";

import { endConference, lockConference, muteGuest, removeGuest } from "../commands";
import { t, type TextKey } from "../i18n";
import { meetings } from "../live-store";
import { may, me } from "../session";
import { attempt } from "../toasts";
import type { GuestView, MeetingView } from "../wire";
import { Icon, type IconName } from "./icon";
import { partyNumber, partyTitle, Since } from "./words";

const sorted = computed(() =>
  [...meetings.value.values()].sort((one, other) => one.number.localeCompare(other.number)),
);

/** A supervisor, or one of those whom the conference names. */
function leads(meeting: MeetingView): boolean {
  return may("supervise") || meeting.moderators.includes(me.value?.extension ?? "");
}

function nameOfGuest(guest: GuestView): string {
  return guest.party ? partyTitle(guest.party) : guest.name || (guest.extension ?? "");
}

function Button(props: { icon: IconName; title: TextKey; label: string; testid: string; act: () => void }): JSX.Element {
  return (
    <button
      class={props.testid === "remove-guest" ? "icon-button danger" : "icon-button"}
      type="button"
      title={t(props.title)}
      aria-label={props.label}
      data-testid={props.testid}
      onClick={props.act}
    >
      <Icon name={props.icon} />
    </button>
  );
}

function Guest({ meeting, guest }: { meeting: MeetingView; guest: GuestView }): JSX.Element {
  const who = nameOfGuest(guest);
  const second = guest.party ? partyNumber(guest.party) : guest.name ? guest.extension : "";
  const mine = guest.extension !== null && guest.extension === me.value?.extension;
  return (
    <li
      class={guest.speaking ? "guest speaking" : "guest"}
      data-testid="guest"
      data-call-id={guest.call_id}
      data-speaking={guest.speaking}
    >
      <div class="grow">
        <div class="strong clip">{who}</div>
        <div class="muted small clip">
          {second && <span class="number">{second}</span>}
          {second && guest.moderator && " · "}
          {guest.moderator && t("conference.moderator")}
        </div>
      </div>
      {guest.speaking && (
        <span class="speaks" title={t("conference.speaks")}>
          <Icon name="sound" />
          <span class="only-heard">{t("conference.speaks")}</span>
        </span>
      )}
      {guest.held && <span class="tag">{t("conference.held")}</span>}
      {guest.muted && <span class="tag">{t("conference.muted")}</span>}
      <Since at={guest.since} />
      <div class="row">
        {(mine || leads(meeting)) && (
          <Button
            icon={guest.muted ? "microphone" : "microphone-off"}
            title={guest.muted ? "conference.unmute" : "conference.mute"}
            label={t(guest.muted ? "conference.unmute_whom" : "conference.mute_whom", { who })}
            testid="mute-guest"
            act={() => void attempt(() => muteGuest(meeting.number, guest.call_id, !guest.muted))}
          />
        )}
        {leads(meeting) && (
          <Button
            icon="hang-up"
            title="conference.remove"
            label={t("conference.remove_whom", { who })}
            testid="remove-guest"
            act={() => void attempt(() => removeGuest(meeting.number, guest.call_id))}
          />
        )}
      </div>
    </li>
  );
}

function Moderation({ meeting }: { meeting: MeetingView }): JSX.Element {
  return (
    <div class="row">
      <button
        class="button quiet compact"
        type="button"
        data-testid="lock-conference"
        onClick={() => void attempt(() => lockConference(meeting.number, !meeting.locked))}
      >
        <Icon name={meeting.locked ? "unlock" : "lock"} />
        {t(meeting.locked ? "conference.unlock" : "conference.lock")}
      </button>
      <button
        class="button quiet compact danger"
        type="button"
        data-testid="end-conference"
        onClick={() => void attempt(() => endConference(meeting.number))}
      >
        <Icon name="hang-up" />
        {t("conference.end")}
      </button>
    </div>
  );
}

function MeetingCard({ meeting }: { meeting: MeetingView }): JSX.Element {
  const title = meeting.name || meeting.number;
  return (
    <div data-testid="meeting" data-conference={meeting.number}>
      <div class="meeting-head">
        <h3 class="clip">{title}</h3>
        {meeting.name && <span class="muted small number">{meeting.number}</span>}
        <span class="count small">{meeting.guests.length}</span>
        {meeting.locked && <span class="tag">{t("conference.locked")}</span>}
        {meeting.recorded && <span class="tag">{t("conference.recorded")}</span>}
        {leads(meeting) && <Moderation meeting={meeting} />}
      </div>
      <ul class="entries" aria-label={title}>
        {meeting.guests.map((guest) => (
          <Guest key={guest.call_id} meeting={meeting} guest={guest} />
        ))}
      </ul>
    </div>
  );
}

export function Meetings(): JSX.Element | null {
  if (sorted.value.length === 0) return null;
  return (
    <section class="card" aria-labelledby="meetings-title" data-testid="meetings">
      <div class="card-head">
        <h2 id="meetings-title" class="grow">
          {t("conferences.title")}
        </h2>
      </div>
      {sorted.value.map((meeting) => (
        <MeetingCard key={meeting.number} meeting={meeting} />
      ))}
    </section>
  );
}
