// Where the panel begins: who is signed in, which page is asked for.

import { effect, signal } from "@preact/signals";
import { render, type ComponentType, type JSX } from "preact";
import { useEffect } from "preact/hooks";

import { t } from "./i18n";
import { startLive, stopLive } from "./live-store";
import { Desk } from "./pages/desk";
import { SignIn } from "./pages/sign-in";
import { Shell, Toasts } from "./parts/shell";
import { TicketPaper } from "./parts/ticket-paper";
import { path } from "./router";
import { known, may, me, start } from "./session";

import "./styles/foundation.css";
import "./styles/shell.css";

/** A page whose code comes when it is first asked for. */
function later(load: () => Promise<{ default: ComponentType }>): ComponentType {
  const page = signal<ComponentType | null>(null);
  let asked = false;
  return function Later() {
    if (!asked) {
      asked = true;
      void load().then((loaded) => (page.value = loaded.default));
    }
    const Page = page.value;
    return Page && <Page />;
  };
}

const Board = later(() => import("./pages/board"));
const Booking = later(() => import("./pages/booking"));
const Ladder = later(() => import("./pages/ladder"));
const Hall = later(() => import("./pages/hall"));
const Keys = later(() => import("./pages/keys"));
const Journal = later(() => import("./pages/journal"));
const Lines = later(() => import("./pages/lines"));
const Reports = later(() => import("./pages/reports"));

function Live({ children }: { children: JSX.Element }): JSX.Element {
  useEffect(() => {
    startLive();
    return stopLive;
  }, []);
  return <Shell>{children}</Shell>;
}

function Unknown(): JSX.Element {
  return (
    <div class="card empty">
      <h1>{t("error.not_found")}</h1>
      <p>
        <a href="/">{t("page.desk")}</a>
      </p>
    </div>
  );
}

function SignedIn(): JSX.Element {
  const page = path.value;
  if (page === "/") return may("see_live_panel") ? <Desk /> : <Hall />;
  if (page === "/hall") return <Hall />;
  if (page === "/events" || page.startsWith("/events/")) return <Journal />;
  if (page === "/reports" && may("supervise")) return <Reports />;
  if (page === "/lines" && may("change_lines")) return <Lines />;
  if (page === "/keys" && may("change_settings")) return <Keys />;
  if (page.startsWith("/calls/") && may("supervise")) return <Ladder />;
  return <Unknown />;
}

function Panel(): JSX.Element | null {
  if (path.value === "/board") return <Board />;
  if (path.value === "/booking") return <Booking />;
  if (!known.value) return null;
  if (me.value === null) return <SignIn />;
  return (
    <Live>
      <SignedIn />
    </Live>
  );
}

function App(): JSX.Element {
  return (
    <>
      <Panel />
      <Toasts />
      <TicketPaper />
    </>
  );
}

const root = document.getElementById("panel");
if (root) {
  void start().catch(() => {
    known.value = true;
  });
  render(<App />, root);
}

effect(() => {
  if (me.value === null) document.title = "Dzvin";
});
