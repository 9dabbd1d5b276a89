// What is readable when the portal cannot be reached: visited and critical runbooks, as they were kept, and ticks that
// wait to be sent. The server puts `const RELEASE` before this text. Everything else goes to the network untouched.

const CACHE = `watchbook-${RELEASE}`;
const PKG = `/pkg/${RELEASE}/`;
const LIST = "/runbooks";
const UNREACHABLE = "/kept/unreachable";
// How long the network may take where a kept copy is at hand, and how often what is kept is looked at again.
const SLOW = 4000;
const AGAIN = 60000;
// What is kept at most: pages, bytes of one, bytes of all.
const MOST_PAGES = 60;
const LARGEST = 512 * 1024;
const MOST_BYTES = 12 * 1024 * 1024;
const DOWN = [502, 503, 504];
const TICKS = /^\/(problems\/\d+|runbooks\/[^/]+\/drills\/\d+)\/ticks$/;

// Each forgetting begins another era: what was fetched in the one before is not kept.
let era = 0;
let sending = Promise.resolve();

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(begin()));
addEventListener("message", (event) => event.waitUntil(heard(event.data)));
addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== location.origin) return;
  if (request.method === "GET" && url.pathname.startsWith(PKG)) event.respondWith(asset(request));
  if (request.mode !== "navigate") return;
  if (request.method === "GET") event.respondWith(page(event, url.pathname));
  if (request.method === "POST" && TICKS.test(url.pathname)) event.respondWith(tick(request, url.pathname));
  if (request.method === "POST" && url.pathname === "/sign-out") event.respondWith(signOut(request));
});

// A new release replaces what the old one kept; what had been visited is fetched again.
async function begin() {
  for (const name of await caches.keys()) if (name.startsWith("watchbook-") && name !== CACHE) await caches.delete(name);
  for (const kept of await all("pages")) await put("pages", { ...kept, tag: "", kept: false });
  await set("refreshed", 0);
  await registration.navigationPreload?.enable();
  await clients.claim();
}

async function heard({ kind, viewer, id }) {
  if (kind === "forget") await forget();
  if (kind === "seen") await drop("refused", id);
  if (kind === "opened") {
    const before = await get("viewer");
    if (before !== viewer) await forget();
    await set("viewer", viewer);
    await send();
    await refresh();
  }
  await tell();
}

// Pages ----------------------------------------------------------------------------------------------------------

const isRunbook = (path) => /^\/runbooks\/[^/]+$/.test(path) && path !== "/runbooks/new";

async function page(event, path) {
  const copy = await (await caches.open(CACHE)).match(path);
  const network = Promise.resolve(event.preloadResponse).then((early) => early ?? fetch(event.request));
  network.catch(() => {});
  try {
    const slow = new Promise((_, no) => copy && setTimeout(no, SLOW));
    const answer = await Promise.race([network, slow]);
    if (DOWN.includes(answer.status)) throw new Error("down");
    const good = answer.status === 200 && !answer.redirected;
    if (good && (path === LIST || isRunbook(path))) event.waitUntil(visited(path));
    return answer;
  } catch {
    return copy ?? unreachable();
  }
}

async function asset(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request, { ignoreVary: true });
  if (known) return known;
  const answer = await fetch(request);
  // Once signed out nothing is put away any more.
  if (answer.status === 200 && answer.type === "basic" && (await get("viewer"))) await cache.put(request, answer.clone());
  return answer;
}

async function unreachable() {
  const pages = (await all("pages")).filter((kept) => kept.kept);
  pages.sort((a, b) => Number(b.critical) - Number(a.critical) || a.title.localeCompare(b.title));
  const one = ({ path, title, words }) => `<li><a href="${safe(path)}">${safe(title)}</a> <small>${safe(words)}</small></li>`;
  const list = pages.map(one).join("") || "<li>Nothing is kept on this device.</li>";
  const frame = await (await caches.open(CACHE)).match(UNREACHABLE);
  const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'" };
  if (!frame) {
    const html = `<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Cannot reach Watchbook</title><h1>Cannot reach Watchbook</h1><p>Nothing is known of how things stand now.</p><ul>${list}</ul></html>`;
    return new Response(html, { status: 503, headers });
  }
  headers["content-security-policy"] = frame.headers.get("content-security-policy");
  return new Response((await frame.text()).replace("<!--kept-->", () => list), { status: 503, headers });
}

const safe = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

// Keeping --------------------------------------------------------------------------------------------------------

async function visited(path) {
  const known = (await all("pages")).find((kept) => kept.path === path);
  if (known?.kept && Date.now() - known.at < AGAIN) return put("pages", { ...known, visited: Date.now() });
  await keep({ path, title: known?.title ?? path, critical: known?.critical ?? path === LIST, visited: Date.now() });
  await bound();
}

// Fetches the copy of a page that is made for keeping. Says whether somebody is still signed in.
async function keep(entry) {
  const before = era;
  const answer = await fetch(`/kept${entry.path}`, { redirect: "manual", cache: "no-store" });
  if (answer.type === "opaqueredirect" || answer.status === 401) return forget().then(() => false);
  if (answer.status === 404) return discard(entry.path).then(() => true);
  if (answer.status !== 200 || answer.type !== "basic") return true;
  const text = await answer.text();
  // What is too large is not kept, nor is an older copy of it.
  if (text.length > LARGEST) return discard(entry.path).then(() => true);
  if (before !== era) return false;
  const title = decodeURIComponent(answer.headers.get("watchbook-title") ?? "") || entry.title;
  const words = answer.headers.get("watchbook-kept") ?? "";
  const tag = answer.headers.get("watchbook-tag") ?? "";
  await (await caches.open(CACHE)).put(entry.path, new Response(text, { headers: kindOf(answer) }));
  await put("pages", { ...entry, title, words, tag, kept: true, size: text.length, at: Date.now() });
  return true;
}

// The body is as it was read: how it was packed on the way is over.
const kindOf = ({ headers }) => Object.fromEntries(["content-type", "content-security-policy"].map((name) => [name, headers.get(name)]));

async function discard(path) {
  await (await caches.open(CACHE)).delete(path);
  await drop("pages", path);
}

// Looks what has changed of what is critical or was visited, and fetches that.
async function refresh() {
  if (Date.now() - ((await get("refreshed")) ?? 0) < AGAIN) return;
  try {
    const answer = await fetch("/kept", { redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect" || answer.status === 401) return void (await forget());
    if (answer.status !== 200) return;
    await set("refreshed", Date.now());
    const told = await answer.json();
    const cache = await caches.open(CACHE);
    for (const file of ["watchbook.css", "icons.svg", "kept.js", "favicon.svg"]) {
      if (!(await cache.match(PKG + file, { ignoreVary: true }))) await cache.add(PKG + file).catch(() => {});
    }
    const frame = await fetch(UNREACHABLE, { redirect: "manual", cache: "no-store" });
    if (frame.status === 200) await cache.put(UNREACHABLE, frame);
    const known = new Map((await all("pages")).map((kept) => [kept.path, kept]));
    for (const path of known.keys()) if (!told.pages.some((page) => page.path === path)) await discard(path);
    for (const { path, title, tag, critical } of told.pages) {
      const kept = known.get(path);
      if (!critical && !kept) continue;
      if (kept?.kept && kept.tag === tag) await put("pages", { ...kept, critical });
      else if (!(await keep({ path, title, critical, visited: kept?.visited ?? 0 }))) return;
    }
    await bound();
  } catch {
    // It cannot be reached: what is kept stays as it is.
  }
}

// What was visited longest ago goes first; what is critical goes last.
async function bound() {
  const pages = (await all("pages")).filter((kept) => kept.kept);
  pages.sort((a, b) => Number(b.critical) - Number(a.critical) || b.visited - a.visited);
  let bytes = 0;
  for (const [n, { path, size }] of pages.entries()) {
    bytes += size;
    if (n >= MOST_PAGES || bytes > MOST_BYTES) await discard(path);
  }
}

// Everything that was kept goes: people share phones.
async function forget() {
  era += 1;
  await clear("pages");
  await set("viewer", undefined);
  await set("refreshed", 0);
  for (const name of await caches.keys()) if (name.startsWith("watchbook-")) await caches.delete(name);
}

async function signOut(request) {
  await send();
  await forget();
  await clear("waiting");
  await clear("refused");
  try {
    return await fetch(request);
  } catch {
    const words = "<h1>Nothing is kept on this device any more</h1><p>Watchbook cannot be reached, so that you are still signed in there. Sign out once more when it can be.</p>";
    const headers = { "content-type": "text/html; charset=utf-8", "content-security-policy": "default-src 'none'" };
    return new Response(`<!DOCTYPE html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Signed out here</title>${words}</html>`, { status: 503, headers });
  }
}

// Ticks ----------------------------------------------------------------------------------------------------------

async function tick(request, path) {
  const copy = request.clone();
  try {
    const answer = await fetch(request);
    if (!DOWN.includes(answer.status)) return answer;
  } catch {
    // It waits.
  }
  const fields = Object.fromEntries(new URLSearchParams(await copy.text()));
  await put("waiting", { id: crypto.randomUUID(), at: Date.now(), by: (await get("viewer")) ?? "", path, fields });
  await tell();
  // The page stays as it is, and says that the tick waits.
  return new Response(null, { status: 204 });
}

// Sends what waits, in its order, one after the other.
function send() {
  sending = sending.then(sendWaiting, sendWaiting);
  return sending;
}

async function sendWaiting() {
  const viewer = await get("viewer");
  const waiting = (await all("waiting")).sort((a, b) => a.at - b.at);
  const sent = [];
  for (const { id, at, by, path, fields } of waiting) {
    const refuse = async (why) => {
      await put("refused", { id, at, step: fields.step, why });
      await drop("waiting", id);
    };
    if (by !== viewer) {
      await put("refused", { id, at, step: "A tick", why: "It was made here by somebody else, who has to do it again." });
      await drop("waiting", id);
      continue;
    }
    const body = new URLSearchParams({ ...fields, at, by, once: id });
    try {
      const answer = await fetch(path, { method: "POST", body, redirect: "manual", headers: { accept: "application/json" } });
      if (answer.status === 204) {
        await drop("waiting", id);
        sent.push(path);
      } else if (answer.type === "opaqueredirect" || answer.status === 401) {
        await forget();
        break;
      } else if (answer.status >= 500 || answer.status === 429) break;
      else await refuse((await answer.json().catch(() => ({}))).detail ?? "It could not be taken.");
    } catch {
      break;
    }
  }
  if (sent.length) await tell(sent);
}

// Tells every open page what waits, what was refused, and what was just sent.
async function tell(sent = []) {
  const message = { kind: "ticks", waiting: await all("waiting"), refused: await all("refused"), sent };
  for (const client of await clients.matchAll({ type: "window" })) client.postMessage(message);
}

// What is remembered: pages by path, waiting and refused by id, and a few words by name. --------------------------

const database = new Promise((yes, no) => {
  const asked = indexedDB.open("watchbook", 1);
  asked.onupgradeneeded = () => {
    asked.result.createObjectStore("pages", { keyPath: "path" });
    for (const name of ["waiting", "refused"]) asked.result.createObjectStore(name, { keyPath: "id" });
    asked.result.createObjectStore("words");
  };
  asked.onsuccess = () => yes(asked.result);
  asked.onerror = () => no(asked.error);
});

async function ask(name, mode, act) {
  const store = (await database).transaction(name, mode).objectStore(name);
  return new Promise((yes, no) => {
    const asked = act(store);
    asked.onsuccess = () => yes(asked.result);
    asked.onerror = () => no(asked.error);
  });
}

const all = (name) => ask(name, "readonly", (store) => store.getAll());
const put = (name, value) => ask(name, "readwrite", (store) => store.put(value));
const drop = (name, key) => ask(name, "readwrite", (store) => store.delete(key));
const clear = (name) => ask(name, "readwrite", (store) => store.clear());
const get = (key) => ask("words", "readonly", (store) => store.get(key));
const set = (key, value) => ask("words", "readwrite", (store) => store.put(value, key));
