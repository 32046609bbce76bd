// A form that is sent to the server: what was entered, that it is on its way, and why it was refused.

import { useSignal, type Signal } from "@preact/signals";

import { Refused } from "./api";

export interface Sending {
  failure: Signal<unknown>;
  busy: Signal<boolean>;
  send: (event: Event) => void;
}

export type Entered = (name: string) => string;

/** `work` is given what was entered; a field that the server names as wrong gets the focus. */
export function useSending(work: (entered: Entered, form: HTMLFormElement) => Promise<void>): Sending {
  const failure = useSignal<unknown>(null);
  const busy = useSignal(false);

  const run = async (form: HTMLFormElement): Promise<void> => {
    const data = new FormData(form);
    busy.value = true;
    failure.value = null;
    try {
      await work((name) => String(data.get(name) ?? "").trim(), form);
    } catch (problem) {
      failure.value = problem;
      if (problem instanceof Refused && problem.field) document.getElementById(`field-${problem.field}`)?.focus();
    } finally {
      busy.value = false;
    }
  };

  return {
    failure,
    busy,
    send: (event) => {
      event.preventDefault();
      void run(event.currentTarget as HTMLFormElement);
    },
  };
}
