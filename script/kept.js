// The page's half of reading without the portal: starts the service worker for who is signed in, says which ticks wait
// to be sent, and forgets everything where nobody is signed in.
(async () => {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  const { role, viewer } = document.body.dataset;
  const post = async (message) => (await workers.ready).active?.postMessage(message);
  if (!viewer) {
    // Who is not signed in has nothing kept; a page that could not be reached says nothing of that.
    if (role === "nobody" && (await workers.getRegistration())) post({ kind: "forget" });
    return;
  }
  let waiting = [];
  workers.addEventListener("message", ({ data }) => {
    if (data?.kind !== "ticks") return;
    waiting = data.waiting;
    show(data);
  });
  const opened = () => post({ kind: "opened", viewer });
  addEventListener("online", opened);
  setInterval(() => waiting.length && opened(), 10000);
  document.addEventListener("submit", (event) => {
    // A field called "action" would stand in the way of the form's own.
    if (!event.target.getAttribute("action")?.endsWith("/sign-out") || !waiting.length) return;
    const what = waiting.length === 1 ? "1 tick waits" : `${waiting.length} ticks wait`;
    if (!confirm(`${what} to be sent. Signing out removes what waits. Sign out all the same?`)) event.preventDefault();
  });
  // The page itself comes first.
  const idle = window.requestIdleCallback ?? setTimeout;
  const start = () => idle(() => workers.register("/service-worker.js").then(opened, () => {}));
  document.readyState === "complete" ? start() : addEventListener("load", start);

  const clock = (at) => new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const element = (name, words, className = "") => Object.assign(document.createElement(name), { textContent: words, className });

  function show({ refused, sent }) {
    for (const old of document.querySelectorAll(".tick-waits")) old.remove();
    for (const { at, path, fields } of waiting) {
      for (const form of document.querySelectorAll(`form.tick[action="${path}"]`)) {
        if (form.elements.step?.value !== fields.step || form.elements.section?.value !== fields.section) continue;
        const what = { tick: "Done", untick: "Taken back", skip: "Left out" }[fields.act];
        form.nextElementSibling?.append(element("small", `${what} ${clock(at)}, waiting to be sent`, "tick-waits"));
      }
    }
    document.getElementById("ticks-told")?.remove();
    if (waiting.length || refused.length) {
      const told = element("div", "", "notice n-warn");
      told.id = "ticks-told";
      told.setAttribute("role", "status");
      const list = element("div", "");
      if (waiting.length) {
        const what = waiting.length === 1 ? "1 tick is" : `${waiting.length} ticks are`;
        list.append(element("p", `${what} waiting to be sent. That happens by itself when Watchbook can be reached.`));
      }
      for (const { id, at, step, why } of refused) {
        const line = element("p", `Not taken: \u201c${step}\u201d, ticked ${clock(at)}. ${why} `);
        const seen = element("button", "I have seen it", "button");
        seen.addEventListener("click", () => post({ kind: "seen", id }));
        line.append(seen);
        list.append(line);
      }
      told.append(list);
      document.getElementById("main").prepend(told);
    }
    // A page that shows what was sent shows it as the server has it, unless words would be lost.
    const typed = [...document.querySelectorAll("textarea, input:not([type=hidden])")].some((f) => f.value !== f.defaultValue);
    const here = sent.some((path) => document.querySelector(`form.tick[action="${path}"]`));
    if (here && !typed && !document.querySelector("main [data-live]")) location.reload();
  }
})();
