// What I can do with my own call: hold, hand on, park, end; with one that rings: send on or decline.

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";

import {
  complete,
  confer,
  consult,
  hangUp,
  hold,
  invite,
  muteGuest,
  park,
  record,
  resume,
  swap,
  takeBack,
  transfer,
} from "../commands";
import { t, type TextKey } from "../i18n";
import { meetings, myCalls } from "../live-store";
import { may, me } from "../session";
import { attempt } from "../toasts";
import type { CallPerson, CallView } from "../wire";
import { Icon, type IconName } from "./icon";
import { TargetForm, type Choice } from "./target-form";
import { formatPhone, nameOf } from "./words";

function Action(props: {
  icon: IconName;
  label: TextKey;
  testid: string;
  kind?: "primary" | "danger";
  act: () => void;
}): JSX.Element {
  return (
    <button class={`button ${props.kind ?? ""}`} type="button" data-testid={props.testid} onClick={props.act}>
      <Icon name={props.icon} />
      {t(props.label)}
    </button>
  );
}

const run = (work: () => Promise<unknown>): void => void attempt(work);

/** I have asked for somebody, or speak with them, while the other side waits. */
function Handover({ call }: { call: CallView }): JSX.Element | null {
  const handover = call.transfer;
  if (!handover) return null;
  const target = call.people.find((person) => person.extension === handover.target);
  const who = target?.name || nameOf(handover.target) || formatPhone(handover.target);
  return (
    <>
      <span class="handover" data-testid="handover">
        {t(handover.consulting ? "my_call.speaking_with" : "my_call.asking", { who })}
      </span>
      <Action
        icon="join"
        label="my_call.complete"
        testid="complete"
        kind="primary"
        act={() => run(() => complete(call.call_id))}
      />
      {handover.consulting && (
        <>
          <Confer call={call} />
          <Action icon="swap" label="my_call.swap" testid="swap" act={() => run(() => swap(call.call_id))} />
        </>
      )}
      <Action icon="back" label="my_call.take_back" testid="take-back" act={() => run(() => takeBack(call.call_id))} />
    </>
  );
}

/** All together: with whom I consult, or with whom I speak in my other call (R-PHONE-28). */
function Confer({ call }: { call: CallView }): JSX.Element {
  return (
    <Action icon="people" label="my_call.confer" testid="conference" act={() => run(() => confer(call.call_id))} />
  );
}

/** Who takes part beside me. */
function Members({ call }: { call: CallView }): JSX.Element {
  const others = call.members.filter((member) => member.extension === null || member.extension !== me.value?.extension);
  const who = others
    .map((member) =>
      member.extension === null ? formatPhone(member.number) : member.name || member.extension,
    )
    .join(", ");
  return (
    <span class="handover" data-testid="members">
      {t("my_call.in_conference", { who })}
    </span>
  );
}

function Holding({ call }: { call: CallView }): JSX.Element {
  return call.held_by.includes(me.value?.extension ?? "") ? (
    <Action
      icon="play"
      label="my_call.resume"
      testid="resume"
      kind="primary"
      act={() => run(() => resume(call.call_id))}
    />
  ) : (
    <Action icon="pause" label="my_call.hold" testid="hold" act={() => run(() => hold(call.call_id))} />
  );
}

/** At a conference number: there is no other side that could be handed on. */
function Meeting({ call, number }: { call: CallView; number: string }): JSX.Element {
  const guest = meetings.value.get(number)?.guests.find((each) => each.call_id === call.call_id);
  const muted = guest?.muted ?? false;
  return (
    <>
      <Holding call={call} />
      <Action
        icon={muted ? "microphone" : "microphone-off"}
        label={muted ? "conference.unmute" : "conference.mute"}
        testid="mute-me"
        act={() => run(() => muteGuest(number, call.call_id, !muted))}
      />
    </>
  );
}

/** What the customer presses and says is hidden from me and from the recording. */
function SecretEntry({ call }: { call: CallView }): JSX.Element {
  const what = call.secret ? "show" : "hide";
  return (
    <>
      {call.secret && (
        <span class="handover" role="status" data-testid="secret">
          {t("my_call.hidden")}
        </span>
      )}
      <Action
        icon={what}
        label={call.secret ? "my_call.show" : "my_call.hide"}
        testid="secret-entry"
        act={() => run(() => record(call.call_id, what))}
      />
    </>
  );
}

function Talking({ call, handOn }: { call: CallView; handOn: () => void }): JSX.Element {
  const together = call.members.length > 0;
  if (call.conference !== null) return <Meeting call={call} number={call.conference} />;
  return (
    <>
      {together && <Members call={call} />}
      <Holding call={call} />
      {together ? (
        <Action icon="people" label="my_call.invite" testid="add" act={handOn} />
      ) : (
        <>
          <Action icon="give" label="my_call.transfer" testid="transfer" act={handOn} />
          {myCalls.value.length > 1 && <Confer call={call} />}
          <Action
            icon="park"
            label="my_call.park"
            testid="park"
            act={() => void attempt(() => park(call.call_id), t("my_call.parked"))}
          />
        </>
      )}
      <Recording call={call} />
      {!together && <SecretEntry call={call} />}
    </>
  );
}

/** Record, pause, keep (R-PHONE-39, -40). What runs by rule is ended by the end of the call, or by a supervisor. */
function Recording({ call }: { call: CallView }): JSX.Element {
  const tell = (what: Parameters<typeof record>[1]) => () => run(() => record(call.call_id, what));
  const running = call.recording;
  if (!running) return <Action icon="record" label="phone_record" testid="record" act={tell("start")} />;
  return (
    <>
      {running.paused ? (
        <Action icon="record" label="recording.resume" testid="resume-recording" act={tell("resume")} />
      ) : (
        <Action icon="pause" label="recording.pause" testid="pause-recording" act={tell("pause")} />
      )}
      {(running.by !== null || may("supervise")) && (
        <Action
          icon="download"
          label="phone_save_recording"
          testid="save-recording"
          act={() => void attempt(() => record(call.call_id, "stop"), t("recording.kept"))}
        />
      )}
    </>
  );
}

export function MyCallActions({ call, part }: { call: CallView; part: CallPerson }): JSX.Element {
  const choosing = useSignal(false);
  const close = (): void => {
    choosing.value = false;
  };
  const handOn = (command: (callId: string, number: string) => Promise<unknown>) => (number: string) =>
    void attempt(() => command(call.call_id, number)).then((done) => done && close());
  const rings = part.status === "offered";
  const talks = part.status === "busy" || part.status === "waiting";
  const together = call.members.length > 0;
  const adding: Choice = { label: "my_call.invite", testid: "invite", act: handOn(invite) };
  const sending: Choice = { label: "my_call.transfer_now", testid: "transfer-now", act: handOn(transfer) };
  const asking: Choice = { label: "my_call.consult", testid: "consult", act: handOn(consult) };
  if (choosing.value && (rings || talks))
    return (
      <TargetForm cancel={close} choices={rings ? [sending] : together ? [adding] : [sending, asking, adding]} />
    );
  const mine = call.transfer?.by === part.extension && call.transfer.attended;
  return (
    <div class="actions" role="group" aria-label={t("my_call.actions")}>
      {mine ? <Handover call={call} /> : talks && <Talking call={call} handOn={() => (choosing.value = true)} />}
      {rings && (
        <Action icon="give" label="my_call.send_on" testid="send-on" act={() => (choosing.value = true)} />
      )}
      <Action
        icon="hang-up"
        label={rings ? "my_call.decline" : together ? "my_call.leave" : "phone_hangup_action"}
        testid={rings ? "decline" : "my-hang-up"}
        kind="danger"
        act={() => run(() => hangUp(call.call_id))}
      />
    </div>
  );
}
