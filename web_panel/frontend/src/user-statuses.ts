// The dictionary of user statuses, as far as somebody may choose from it.

import { signal } from "@preact/signals";

import { read } from "./api";
import type { AgentView, Will } from "./wire";
import { language } from "./i18n";

interface UserStatus {
  key: string;
  name: Record<string, string>;
  system: boolean;
  will: Will | null;
  retired: boolean;
}

export const userStatuses = signal<readonly UserStatus[]>([]);

export async function lookAtStatuses(): Promise<void> {
  userStatuses.value = (await read<UserStatus[]>("/api/user-statuses")).filter(
    (status) => !status.system && !status.retired,
  );
}

export function nameIn(names: Record<string, string>): string {
  return names[language.value] ?? Object.values(names)[0] ?? "";
}

/** The name of the user status that somebody has chosen; "": none. */
export function statusOf(agent: AgentView): string {
  return agent.status_name ? nameIn(agent.status_name) : "";
}
