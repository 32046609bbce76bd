// A client is found by name or number while one types, and chosen by a click.

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { JSX } from "preact";

import { read } from "../api";
import { chooseClient } from "../commands";
import { t } from "../i18n";
import { attempt } from "../toasts";
import { formatPhone } from "./words";

export interface FoundClient {
  id: string;
  name: string;
  owner_name: string | null;
  phones: string[];
}

interface Found {
  clients: FoundClient[];
  more: boolean;
}

const TYPING = 250; // milliseconds without a key before the search starts

export function ClientSearch(props: { choose: (client: FoundClient) => void; cancel?: () => void }): JSX.Element {
  const found = useSignal<Found | null>(null);
  const field = useRef<HTMLInputElement>(null);
  const asked = useRef(0);
  const typing = useRef<number | undefined>(undefined);
  useEffect(() => {
    field.current?.focus();
    return () => clearTimeout(typing.current);
  }, []);

  const search = (text: string): void => {
    const question = ++asked.current;
    clearTimeout(typing.current);
    if (!text) {
      found.value = null;
      return;
    }
    typing.current = window.setTimeout(() => {
      void attempt(async () => {
        const answer = await read<Found>(`/api/clients?text=${encodeURIComponent(text)}`);
        if (question === asked.current) found.value = answer; // a slower, older answer is not shown
      });
    }, TYPING);
  };

  return (
    <div class="client-search">
      <input
        class="input compact"
        type="search"
        maxLength={200}
        autocomplete="off"
        ref={field}
        placeholder={t("client.search")}
        aria-label={t("client.search")}
        data-testid="client-search"
        onInput={(event) => search(event.currentTarget.value.trim())}
        onKeyDown={(event) => {
          if (event.key === "Enter") event.preventDefault(); // the form around it is not sent
          if (event.key === "Escape") {
            event.stopPropagation();
            props.cancel?.();
          }
        }}
      />
      {found.value && (
        <ul role="status">
          {found.value.clients.map((client) => (
            <li key={client.id}>
              <button
                class="button quiet compact"
                type="button"
                data-testid="found-client"
                onClick={() => props.choose(client)}
              >
                <span class="strong">{client.name}</span>
                <span class="muted">
                  {[...client.phones.slice(0, 2).map(formatPhone), client.owner_name].filter(Boolean).join(" · ")}
                </span>
              </button>
            </li>
          ))}
          {found.value.clients.length === 0 && <li class="muted">{t("client.none")}</li>}
          {found.value.more && <li class="muted">{t("client.more")}</li>}
        </ul>
      )}
    </div>
  );
}

/** Whose call an event was, when it is not whom the number says. */
export function OtherClient(props: { eventId: string; known: boolean; chosen?: () => void }): JSX.Element {
  const open = useSignal(false);
  if (!open.value)
    return (
      <button class="button compact" type="button" data-testid="other-client" onClick={() => (open.value = true)}>
        {t(props.known ? "client.other" : "client.choose")}
      </button>
    );
  const choose = async (client: FoundClient): Promise<void> => {
    if (await attempt(() => chooseClient(props.eventId, client.id), t("card.chosen"))) {
      open.value = false;
      props.chosen?.();
    }
  };
  return <ClientSearch choose={(client) => void choose(client)} cancel={() => (open.value = false)} />;
}
