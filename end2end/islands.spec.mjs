// The browser's half alone: real script and wasm, on a page and with a stream that the test writes.
// What it proves: a page is brought up to date in place, and the reader keeps what is the reader's.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { calm, eventually, launch, open, site } from "./support.mjs";

const { folder, address } = site();
const script = readFileSync(join(folder, "watchbook.js"), "utf8");

/** An island as the server writes it. */
function island(name, props, html = "<!>") {
  const component = new RegExp(`export function (${name}_\\d+)\\(`).exec(script)[1];
  const json = props ? ` data-props="${JSON.stringify(props).replaceAll("&", "&amp;").replaceAll('"', "&quot;")}"` : "";
  return `<leptos-island data-component="${component}"${json}>${html}</leptos-island>`;
}
const stream = (made) =>
  island("LiveStream", { topics: "workflow:a b", since: 0, made }, `<span class="live-state">Picture of ${made}</span>`);
const copy = (text) =>
  island("CopyButton", { text }, `<button type="button" class="copy" aria-label="Copy ${text}" hidden>Copy</button>`);

// The bootstrap that leptos 0.8 writes into a page with islands, without its comments.
const bootstrap = `((root, pkg, js, wasm) => {
  async function traverse(node, mod) {
    if (node.tagName === "LEPTOS-ISLAND") await hydrate(node, node.dataset.component, mod);
    for (const child of node.children) await traverse(child, mod);
  }
  async function hydrate(el, id, mod) {
    if (mod[id]) await mod[id](el); else console.warn("no island " + id);
  }
  requestIdleCallback(() => import(root + "/" + pkg + "/" + js + ".js").then((mod) => {
    mod.default({ module_or_path: root + "/" + pkg + "/" + wasm + ".wasm" }).then(() => {
      mod.hydrate();
      traverse(document.body, mod).then(() => document.documentElement.dataset.ready = "");
    });
    window.__hydrateIsland = (el, id) => hydrate(el, id, mod);
  }));
})("", ${JSON.stringify(address.slice(1))}, "watchbook", "watchbook")`;

const types = { js: "text/javascript", wasm: "application/wasm", css: "text/css", svg: "image/svg+xml" };

/** A server whose page and stream are the test's. */
class Fake {
  body = "";
  streams = new Set();
  asked = [];
  refuse = false;

  async start() {
    this.server = createServer((request, response) => {
      const url = new URL(request.url, "http://x");
      if (url.pathname.startsWith(address)) {
        const name = url.pathname.slice(address.length + 1);
        response.setHeader("content-type", types[name.split(".").pop()]);
        response.end(readFileSync(join(folder, name)));
      } else if (url.pathname === "/live") {
        this.asked.push(url.searchParams.get("topics"));
        if (this.refuse) return response.writeHead(503).end();
        response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
        response.write("retry: 100\n\n");
        this.streams.add(response);
        response.on("close", () => this.streams.delete(response));
      } else if (url.pathname === "/icon.svg" || url.pathname === "/broken.svg") {
        response.setHeader("content-type", types.svg);
        response.end(`<svg xmlns="http://www.w3.org/2000/svg"/>`);
      } else {
        response.setHeader("content-type", "text/html; charset=utf-8");
        response.setHeader(
          "content-security-policy",
          "default-src 'none'; script-src 'self' 'nonce-n' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        );
        response.end(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>On track: Order to ERP</title>
          <link rel="icon" href="/icon.svg"><link rel="stylesheet" href="${address}/watchbook.css"></head>
          <body><main><h1>Order to ERP</h1>${this.body}</main><script type="module" nonce="n">${bootstrap}</script></body></html>`);
      }
    });
    await new Promise((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  send(picture, event) {
    const data = typeof picture === "string" ? picture : JSON.stringify({ made: "02:14:07", ...picture });
    for (const stream of this.streams) stream.write(`${event ? `event: ${event}\n` : ""}data: ${data}\n\n`);
  }

  drop() {
    for (const stream of this.streams) stream.destroy();
  }

  stop() {
    this.drop();
    this.server.closeAllConnections();
    this.server.close();
  }
}

describe("the browser's half", () => {
  let browser, fake, page;
  before(async () => {
    browser = await launch();
    fake = new Fake();
    await fake.start();
  });
  after(async () => {
    fake.stop();
    await browser.close();
  });
  beforeEach(() => {
    fake.refuse = false;
    fake.asked = [];
  });

  /** Shows a page that is up and, if it has a stream, follows it. */
  async function show(body, options) {
    fake.body = body;
    await page?.context().close();
    page = await open(browser, options?.clock ? undefined : fake.url, options);
    if (options?.clock) {
      await page.clock.install();
      await page.goto(fake.url);
    }
    await page.waitForSelector("html[data-ready]");
    if (body.includes("LiveStream")) await eventually(() => assert.equal(fake.streams.size, 1));
  }
  const live = () => page.textContent(".live-state");
  const html = (selector) => page.$eval(selector, (element) => element.outerHTML);
  /** Sends blocks and waits until they have been taken. */
  let tick = 10;
  async function send(blocks, more = {}) {
    const made = `02:14:${(tick += 1)}`;
    fake.send({ made, blocks, ...more });
    await eventually(async () => assert.match(await live(), new RegExp(`${made}$`)));
  }

  it("says when the picture was made, follows, and says when the connection is lost", async () => {
    await show(stream("02:14:06"));
    await eventually(async () => assert.equal(await live(), "Live, picture of 02:14:06"));
    assert.deepEqual(fake.asked, ["workflow:a b"]);
    await send({});
    fake.refuse = true;
    fake.drop();
    await eventually(async () => assert.match(await live(), /^Connection lost, showing 02:14:1\d$/));
    assert.match(await html(".live-state"), /live-lost/);
    assert.match(await page.textContent("#announce"), /^Connection lost/);
    // A refusal ends the browser's own trying; ours goes on.
    fake.refuse = false;
    await eventually(async () => assert.match(await live(), /^Live/), { within: 9_000 });
    assert.equal(fake.streams.size, 1);
  });

  it("counts a long silence as a lost connection, and a tick as a sign of life", async () => {
    await show(stream("02:14:06"), { clock: true });
    await eventually(async () => assert.equal(await live(), "Live, picture of 02:14:06"));
    await page.clock.fastForward(30_000);
    fake.send("02:14:36", "tick");
    await eventually(async () => assert.equal(await live(), "Live, picture of 02:14:36"));
    await page.clock.fastForward(30_000);
    assert.equal(await live(), "Live, picture of 02:14:36");
    const before = fake.asked.length;
    await page.clock.fastForward(6_000);
    await eventually(() => assert.equal(fake.asked.length, before + 1), "it tries again");
    assert.match(await page.textContent("#announce"), /^Connection lost, showing 02:14:36/);
    await eventually(async () => assert.match(await live(), /^Live/));
  });

  it("keeps focus, typed words, selection and what is open, and touches only what changed", async () => {
    const block = (waiting, extra = "") => `<section data-live="facts" class="facts">${extra}
      <p class="big">SAP refuses orders. <strong>${waiting} orders wait.</strong></p>
      <p class="still">This sentence stays.</p>
      <details><summary>Payload</summary><pre>{}</pre></details>
      <form><label>Note <input name="id" value="from the server"></label></form></section>`;
    await show(stream("02:14:06") + block(412));
    await page.fill("input", "my own words");
    await page.click("summary");
    await page.focus("input");
    await page.evaluate(() => {
      getSelection().selectAllChildren(document.querySelector(".still"));
      window.still = document.querySelector(".still").firstChild;
    });
    await send({ facts: block(413, `<p class="new">New above</p>`) });
    assert.equal(await page.textContent("strong"), "413 orders wait.");
    assert.equal(await page.textContent(".new"), "New above");
    assert.equal(await page.inputValue("input"), "my own words");
    assert.ok(await page.$eval("details", (details) => details.open));
    assert.equal(await page.evaluate(() => document.activeElement.name), "id");
    assert.equal(await page.evaluate(() => getSelection().toString()), "This sentence stays.");
    assert.ok(await page.evaluate(() => window.still === document.querySelector(".still").firstChild));
    await send({ facts: block(414) });
    assert.equal(await page.$(".new"), null);
    assert.equal(await page.textContent("strong"), "414 orders wait.");
    calm(page);
  });

  it("matches named children by name, and the focus moves with them", async () => {
    const row = (id) => `<li data-key="${id}"><a id="a-${id}" href="#${id}">${id}</a></li>`;
    const list = (...ids) => `<ul data-live="rows">${ids.map(row).join("")}</ul>`;
    await show(stream("02:14:06") + list("a", "b", "c"));
    await page.focus("#a-b");
    await page.evaluate(() => (window.b = document.querySelector("[data-key=b]")));
    await send({ rows: list("c", "d", "b") });
    assert.deepEqual(await page.$$eval("li", (rows) => rows.map((row) => row.dataset.key)), ["c", "d", "b"]);
    assert.ok(await page.evaluate(() => window.b === document.querySelector("[data-key=b]")));
    assert.equal(await page.evaluate(() => document.activeElement.id), "a-b");
    calm(page);
  });

  it("does not reorder a list under the reader, but says how many changed and shows them when asked", async () => {
    const row = ([id, count]) => `<tr data-key="${id}"><th scope="row"><a href="#${id}">${id}</a></th><td>${count}</td></tr>`;
    const list = (...rows) =>
      `<div data-live="rows"><table><caption>Runs</caption><tbody data-live-order="ask">${rows.map(row).join("")}</tbody></table></div>`;
    const rows = () => page.$$eval("tr", (rows) => rows.map((row) => row.textContent));
    await show(stream("02:14:06") + list(["a", 1], ["b", 2], ["c", 3]));
    await send({ rows: list(["d", 9], ["a", 10], ["b", 2]) });
    assert.deepEqual(await rows(), ["a10", "b2", "c3"], "values change at once, rows do not");
    assert.equal(await page.getAttribute("[data-key=c]", "data-live-gone"), "");
    const opacity = await page.$eval("[data-key=c]", (row) => getComputedStyle(row).opacity);
    assert.equal(opacity, "1", "what is gone stays readable until asked for");
    assert.equal(await page.textContent(".live-changed"), "2 changed. Show");
    await send({ rows: list(["d", 9], ["b", 3], ["a", 11]) });
    assert.equal(await page.textContent(".live-changed"), "3 changed. Show");
    assert.equal((await page.$$(".live-changed")).length, 1);
    await page.click(".live-changed");
    assert.deepEqual(await rows(), ["d9", "b3", "a11"]);
    assert.equal(await page.$(".live-changed"), null);
    assert.equal(await page.evaluate(() => document.activeElement.tagName), "TBODY");
    await send({ rows: list(["d", 1], ["b", 1], ["a", 1]) });
    assert.deepEqual(await rows(), ["d1", "b1", "a1"], "the same rows just get their values");
    await send({ rows: list(["b", 1]) });
    assert.equal(await page.textContent(".live-changed"), "2 changed. Show");
    await send({ rows: list(["d", 1], ["b", 1], ["a", 2]) });
    assert.equal(await page.$(".live-changed"), null, "what came back needs no asking");
    assert.equal(await page.$("[data-live-gone]"), null);
    calm(page);
  });

  it("reorders at once what nobody looks at", async () => {
    const list = (...ids) =>
      `<div data-live="rows"><ul data-live-order="ask">${ids.map((id) => `<li data-key="${id}">${id}</li>`).join("")}</ul></div>`;
    const filler = "<p>Line</p>".repeat(200);
    await show(stream("02:14:06") + filler + list("a", "b"));
    await send({ rows: list("b", "a") });
    assert.deepEqual(await page.$$eval("li", (rows) => rows.map((row) => row.textContent)), ["b", "a"]);
    assert.equal(await page.$(".live-changed"), null);
  });

  it("changes title and favicon, and announces a change of state and nothing else", async () => {
    await show(stream("02:14:06") + `<p data-live="answer">Fine</p>`);
    await send({}, { title: "On track: Order to ERP", state: "on_track", icon: "/icon.svg" });
    assert.equal(await page.textContent("#announce"), "");
    assert.equal(await page.textContent("#announce"), "");
    await send({ answer: `<p data-live="answer">Refused</p>` }, { title: "Broken: Order to ERP", state: "broken", icon: "/broken.svg" });
    assert.equal(await page.title(), "Broken: Order to ERP");
    assert.equal(await page.getAttribute("link[rel=icon]", "href"), "/broken.svg");
    assert.equal(await page.textContent("#announce"), "Broken: Order to ERP");
    assert.equal(await page.getAttribute("#announce", "role"), "status");
    // The page was made on track, and the first that the stream says is that it is not.
    await show(stream("02:14:06"));
    await send({}, { title: "Late: Order to ERP", state: "late" });
    assert.equal(await page.textContent("#announce"), "Late: Order to ERP");
    calm(page);
  });

  it("draws what stands in a drawing as drawing, and follows links in it", async () => {
    const flow = (state) =>
      `<div data-live="flow"><svg viewBox="0 0 100 40" role="group" aria-label="Flow"><a href="#x" class="${state}"><text x="1" y="20">${state}</text>${
        state === "broken" ? '<circle cx="9" cy="9" r="4"/>' : ""
      }</a></svg></div>`;
    await show(stream("02:14:06") + flow("ok"));
    await send({ flow: flow("broken") });
    assert.equal(await page.getAttribute("svg a", "class"), "broken");
    assert.equal(await page.$eval("circle", (circle) => circle.namespaceURI), "http://www.w3.org/2000/svg");
    assert.equal(await page.getAttribute("svg", "viewBox"), "0 0 100 40");
  });

  it("keeps its own island when the block around it changes, and starts islands that arrive", async () => {
    const strip = (made, ids) =>
      `<div data-live="strip"><span>Checked ${made}</span>${stream(made)}${ids.map((id) => `<p data-key="${id}">${copy(id)}</p>`).join("")}</div>`;
    await show(strip("02:14:06", ["one"]));
    await page.evaluate(() => (window.button = document.querySelector("button")));
    await send({ strip: strip("02:14:20", ["one", "two"]) });
    assert.equal(await page.textContent("[data-live=strip] > span"), "Checked 02:14:20");
    assert.match(await live(), /^Live, picture of/);
    assert.ok(await page.evaluate(() => window.button === document.querySelector("button")));
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await eventually(async () => assert.ok(await page.isVisible('[aria-label="Copy two"]')));
    await page.click('[aria-label="Copy two"]');
    assert.equal(await page.textContent('[aria-label="Copy two"]'), "Copied");
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "two");
    assert.equal(fake.asked.length, 1, "still one stream");
    calm(page);
  });

  it("survives a message that it does not understand", async () => {
    await show(stream("02:14:06") + `<p data-live="answer">Fine</p>`);
    fake.send("not JSON");
    fake.send({ blocks: { answer: "no element" } });
    await send({ answer: `<p data-live="answer">Refused</p>`, unknown: "<p>?</p>" });
    assert.equal(await page.textContent("[data-live=answer]"), "Refused");
    calm(page);
  });

  it("loads the page again when the server serves another version of it, unless words would be lost", async () => {
    await show(stream("02:14:06") + `<form><textarea aria-label="Note">old</textarea></form>`);
    await page.fill("textarea", "new");
    await send({}, { pkg: "/pkg/another" });
    assert.equal(await page.inputValue("textarea"), "new");
    await page.fill("textarea", "old");
    await Promise.all([page.waitForNavigation(), Promise.resolve(fake.send({ pkg: "/pkg/another" }))]);
    await page.waitForSelector("html[data-ready]");
    await send({}, { pkg: address });
  });

  it("leads to Find with two keys, and leaves letters to fields", async () => {
    await show(`${island("FindKeys")}<form action="/find"><input id="find-q" aria-label="Find"></form><textarea aria-label="Note"></textarea>`);
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "find-q");
    assert.equal(await page.inputValue("#find-q"), "");
    await page.focus("textarea");
    await page.keyboard.press("/");
    assert.equal(await page.inputValue("textarea"), "/");
    await page.keyboard.press("Control+k");
    assert.equal(await page.evaluate(() => document.activeElement.id), "find-q");
    await page.evaluate(() => document.querySelector("form").remove());
    await page.keyboard.press("Control+k");
    await page.waitForURL("**/find");
  });

  it("says where the slider over a day stands, and shows the moment at which a drag ends", async () => {
    // 4 June 2026, 10:00 UTC, and the day before it.
    const to = 1780567200;
    const props = { from: to - 86_400, to, shown: to, words: "12:00", zone: "Europe/Berlin" };
    const input = `<input type="range" id="day" name="at" min="${props.from}" max="${to}" step="60" value="${to}" list="day-began" aria-label="Moment to show" aria-valuetext="12:00">`;
    await show(`<form class="day" action="/day">${island("DaySlider", props, input)}<p><span id="day-words">shown: now</span></p><button>Show</button></form>`);
    await page.focus("#day");
    for (let press = 0; press < 10; press += 1) await page.keyboard.press("ArrowLeft");
    assert.equal(await page.textContent("#day-words"), "to show: 4 Jun 11:50");
    assert.equal(await page.getAttribute("#day", "aria-valuetext"), "4 Jun 11:50");
    assert.equal(new URL(page.url()).pathname, "/", "a key does not lead away");
    const box = await page.locator("#day").boundingBox();
    const middle = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width - 8, middle);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2, middle, { steps: 5 });
    assert.match(await page.textContent("#day-words"), /^to show: (3 Jun 23|4 Jun 00):\d\d$/);
    await page.mouse.up();
    await page.waitForURL("**/day?at=*");
    const at = Number(new URL(page.url()).searchParams.get("at"));
    assert.ok(Math.abs(at - (to - 43_200)) < 1_800, `${at} is not noon`);
  });

  it("asks before words are lost, and not before they are saved", async () => {
    await show(`${island("LeaveGuard", { form: "edit" })}<a href="/other">Away</a>
      <form id="edit" action="/saved"><textarea name="text" aria-label="Text">old</textarea><button>Save</button></form>`);
    let asked = 0;
    page.on("dialog", (dialog) => ((asked += 1), dialog.dismiss()));
    await page.fill("textarea", "new");
    await page.click("a");
    await eventually(() => assert.equal(asked, 1));
    assert.equal(new URL(page.url()).pathname, "/");
    await page.click("button");
    await page.waitForURL("**/saved*");
    assert.equal(asked, 1);
  });
});
