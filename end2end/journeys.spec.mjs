// The journeys that Watchbook is for, as people take them: on a phone and at a desk, by day and by night, and
// once without JavaScript.

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Book, Server, axe, calm, eventually, fits, launch, looks, open, shot, signIn, step } from "./support.mjs";

const workflow = "order-to-erp";
const slug = "erp-refuses-orders";
const ways = [...looks, { size: "phone", colour: "light", javaScript: false }];
const named = ({ size, colour, javaScript = true }) => `${size}, ${colour}${javaScript ? "" : ", without JavaScript"}`;
const short = ({ size, colour, javaScript = true }) => `${size}-${colour}${javaScript ? "" : "-plain"}`;

/** What has to be true of every page that somebody passes. */
async function good(page) {
  // At the foot of the page nothing lies half under the bar of a phone, which axe would take for too small to press.
  if (await page.locator(".incident-bar").count()) await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await axe(page);
  await fits(page);
  calm(page);
}

/** Presses or taps, as this device does. */
const press = (place, { size }) => (size === "phone" ? place.tap() : place.click());

/** Asserts that the top of this element can be seen without scrolling; a page that was just opened may still go there. */
const inSight = (place, what) =>
  eventually(
    async () => {
      const { top, bottom, high } = await place.evaluate((element) => ({ ...element.getBoundingClientRect().toJSON(), high: innerHeight }));
      assert.ok(bottom > top && top >= 0 && top < high, `${what} is in sight: at ${Math.round(top)} of ${high} px`);
    },
    { within: 2_000 },
  );

/** Presses something that leads to another page and waits for it. Gives the answer to what was sent. */
async function leads(page, place, way, path) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().isNavigationRequest()),
    page.waitForEvent("load"),
    press(place, way),
  ]);
  await page.waitForURL((url) => (path instanceof RegExp ? path.test(url.pathname + url.hash) : url.pathname + url.hash === path));
  return answer;
}

describe("incident: from the link in an alert to the first recovery step", () => {
  let server, browser;
  before(async () => {
    server = await Server.start({ args: ["--public-read"] });
    browser = await launch();
    const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
    const refused = { code: "503", message: "SAP Business One refused the order" };
    const held = (order, minutes) => [
      step(workflow, order, "charge-card", "succeeded", { time: ago(minutes + 1), subject: `order/${order}` }),
      step(workflow, order, "push-to-erp", "failed", { time: ago(minutes), attempt: 6, error: refused, subject: `order/${order}` }),
    ];
    await server.events([
      step(workflow, "1000", "receive-order", "succeeded", { time: ago(20) }),
      { type: "run", workflow, run: "1000", state: "succeeded", time: ago(19) },
      ...held("1001", 12),
      ...held("1002", 9),
    ]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const way of ways) {
    it(named(way), async () => {
      const page = await open(browser, `${server.url}/workflows/${workflow}`, way);
      // What is it, and since when?
      assert.match(await page.title(), /^Broken: Order to ERP/);
      const answer = page.locator(".answer");
      assert.equal(await answer.locator(".badge").innerText(), "Broken");
      assert.match(
        await answer.locator(".sentence").innerText(),
        /^Push to ERP has failed since (\d+ \w+ )?\d\d:\d\d \(503 SAP Business One refused the order\)\. 2 orders are waiting\./,
      );
      await inSight(answer.locator(".sentence"), "the answer");
      // What do I do? The failure point that matches the error names the section.
      const recovery = page.locator(".trouble.s-broken .recovery").first();
      assert.match(await recovery.innerText(), /Nobody has confirmed these steps/);
      const first = await recovery.locator("ol > li").first().innerText();
      assert.equal(first, "Send the 10 oldest held orders again.");
      await shot(page, `incident-1-${short(way)}`);
      await good(page);
      // One press leads there.
      await leads(page, recovery.getByRole("link", { name: /Replay held orders/ }), way, `/runbooks/${slug}#replay-held-orders`);
      const section = page.locator("#replay-held-orders");
      const task = section.locator("li").first();
      assert.equal((await task.innerText()).trim(), first);
      await inSight(section.getByRole("heading", { name: "Replay held orders" }), "the section");
      await inSight(task, "its first step");
      // Who comes by the link is told, right there, how far to trust it.
      assert.match(await section.locator(".doc-title").innerText(), /Never reviewed/);
      await shot(page, `incident-2-${short(way)}`);
      await good(page);
      await page.context().close();
    });
  }

  for (const way of ways.slice(0, 4)) {
    it(`the first step stands on the first screen: ${named(way)}`, async () => {
      const page = await open(browser, `${server.url}/workflows/${workflow}`, way);
      await inSight(page.locator(".trouble .recovery ol > li").first(), "the first step");
      await page.context().close();
    });
  }
});

describe("incident: from \"I'm on it\" over a hand-over to the end and what was learned", () => {
  let server, browser, olga, omar;
  const error = { code: "503", message: "SAP Business One refused the order" };
  before(async () => {
    server = await Server.start();
    [olga, omar] = [server.account("olga", "operator"), server.account("omar", "operator")];
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Presses what changes something and waits for the page that follows. */
  const does = (page, place, way) => Promise.all([page.waitForEvent("load"), press(place, way)]);

  /** Opens one of the acts that open in place; on a phone from the bar at its foot. */
  async function opens(page, name, way) {
    const bar = page.locator(".incident-bar");
    if (way.size === "phone" && way.javaScript !== false) await press(bar.getByRole("link", { name }), way);
    else await press(page.locator(".acts summary", { hasText: name }), way);
  }

  for (const [n, way] of ways.entries()) {
    it(named(way), { timeout: 120_000 }, async () => {
      const order = String(2000 + n);
      const time = new Date(Date.now() - 12 * 60_000).toISOString();
      await server.events([step(workflow, order, "push-to-erp", "failed", { time, attempt: 6, error, subject: `order/${order}` })]);
      const page = await open(browser, `${server.url}/sign-in?next=/workflows/${workflow}`, way);
      await signIn(page, "olga", olga);
      const trouble = page.locator(".trouble.s-broken").first();
      assert.match(await trouble.innerText(), /Nobody is on it yet/);
      await does(page, trouble.getByRole("button", { name: "I'm on it" }), way);
      assert.match(await trouble.innerText(), /olga is on it since/);
      // A step is done, one is left out with a word, and one is taken back: who, when and which version stay.
      const steps = trouble.locator("ol > li");
      const first = (await steps.first().locator("p").first().innerText()).trim();
      await does(page, trouble.getByRole("button", { name: `Done: ${first}` }), way);
      assert.match(await steps.first().innerText(), /Done \d\d:\d\d by olga, version 1/);
      await does(page, trouble.getByRole("button", { name: `Not done after all: ${first}` }), way);
      await does(page, trouble.getByRole("button", { name: `Done: ${first}` }), way);
      await press(steps.nth(1).locator("summary"), way);
      await steps.nth(1).getByLabel("Why it is left out").fill("There is only this one order.");
      await does(page, steps.nth(1).getByRole("button", { name: "Leave it out" }), way);
      assert.match(await steps.nth(1).innerText(), /Left out: There is only this one order\., \d\d:\d\d by olga/);
      await opens(page, "Note", way);
      await page.getByLabel("What you saw or did").fill("The ERP answers again.");
      await does(page, page.getByRole("button", { name: "Note it" }), way);
      await shot(page, `work-1-${short(way)}`);
      await good(page);
      // The hand-over is written already: state, what is done and what is open.
      await opens(page, "Hand over", way);
      const draft = await page.getByLabel("For whoever takes it").inputValue();
      assert.ok(draft.includes(first) && draft.includes("olga") && /Push to ERP/.test(draft), draft);
      await shot(page, `work-2-hand-over-${short(way)}`);
      await good(page);
      await does(page, page.getByRole("button", { name: "Hand it over" }), way);
      await page.context().close();

      const next = await open(browser, `${server.url}/sign-in?next=/workflows/${workflow}`, way);
      await signIn(next, "omar", omar);
      assert.match(await next.locator(".handed").innerText(), /olga handed it over \d\d:\d\d/);
      await shot(next, `work-3-handed-${short(way)}`);
      await good(next);
      await does(next, next.getByRole("button", { name: "I take it" }), way);
      assert.match(await next.locator(".trouble.s-broken").first().innerText(), /omar is on it since/);
      const record = await next.locator(".trouble.s-broken").first().getByRole("link", { name: /^Problem \d+$/ }).getAttribute("href");
      await press(next.locator(".acts summary", { hasText: "End it" }), way);
      await next.getByLabel("Why it is over").fill("Sent again by hand, confirmed in the ERP.");
      await does(next, next.getByRole("button", { name: "End it" }), way);
      // The record stays: who did what, how it ended and why it had not by itself.
      await next.goto(server.url + record);
      assert.match(await next.title(), /^Over|problem \d+/);
      const words = await next.locator("main").innerText();
      for (const told of [
        /olga is on it/,
        /olga did .*version 1/,
        /olga took back/,
        /olga left out/,
        /olga noted\s+The ERP answers again\./,
        /olga handed it over/,
        /omar took it over/,
        /omar ended it\s+Sent again by hand/,
        /Was the runbook right\?/,
      ]) {
        assert.match(words, told);
      }
      await shot(next, `work-4-record-${short(way)}`);
      await good(next);
      // What was wrong with the runbook flags that section.
      await press(next.locator("summary", { hasText: /^No$/ }), way);
      await next.getByLabel("Which step was wrong, or what was missing").fill(`How to send one order alone is missing (${order}).`);
      await does(next, next.getByRole("button", { name: "Say so" }), way);
      await next.goto(`${server.url}/reviews/${slug}`);
      assert.match(await next.locator("main").innerText(), new RegExp(`How to send one order alone is missing \\(${order}\\)`));
      await good(next);
      await next.context().close();
    });
  }
});

/** Answers everything that the review asks, one press after the other. */
async function answerAll(page, way, name) {
  for (let asked = 0; ; asked += 1) {
    assert.ok(asked < 20, "it ends");
    const button = page.getByRole("button", { name });
    if ((await button.count()) === 0) return asked;
    const before = await button.count();
    await leads(page, button.first(), way, /^\/(reviews|runbooks)\//);
    if (before > 1) {
      assert.match(await page.locator(".notice.n-good").innerText(), /^Answered\. The rest/);
      assert.equal(await page.getByRole("button", { name }).count(), before - 1, "the answered one is gone, the others stay");
    }
  }
}

describe("review: from a flag to Trusted", () => {
  const file = "workflows/order-to-erp.yaml";
  const policy = (tries) => `retry: { max_attempts: ${tries}, backoff: exponential, first: 30s, factor: 2, max: 30m }`;
  // Those that state the number or link to the step as a whole; "Replay held orders" speaks of other values of it.
  const flagged = ["one-customer-is-blocked", "what-it-means"];
  let book, server, browser, password, storage;
  let tries = 6;

  before(async () => {
    book = new Book();
    server = await Server.start({ book: book.folder });
    password = server.account("anna", "editor");
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    book?.remove();
  });

  const trusted = async (page) => {
    assert.equal(new URL(page.url()).pathname, `/runbooks/${slug}`);
    assert.equal(await page.locator(".notice.n-good").innerText(), "Reviewed. This runbook is trusted.");
    assert.match(await page.locator(".doc-top .trust").first().innerText(), /^Trusted/);
    assert.match(await page.locator(".trust-line").innerText(), /Last reviewed (\d+ \w+ )?\d\d:\d\d by anna/);
    assert.equal(await page.locator(".flag").count(), 0);
  };

  it("a first review makes it Trusted, without JavaScript", async () => {
    const way = { size: "desktop", colour: "light", javaScript: false };
    const page = await open(browser, `${server.url}/reviews/${slug}`, way);
    await signIn(page, "anna", password);
    assert.equal(new URL(page.url()).pathname, `/reviews/${slug}`);
    assert.match(await page.locator(".trust-line").innerText(), /Never reviewed/);
    await good(page);
    assert.ok((await answerAll(page, way, /^This section is right/)) >= 4);
    await trusted(page);
    storage = await page.context().storageState();
    await page.context().close();
  });

  for (const way of ways) {
    it(named(way), async () => {
      const page = await open(browser, server.url, { ...way, storage });
      const waiting = async () => Number.parseInt((await page.locator("nav.places b.n").allTextContents())[0] ?? "0", 10);
      assert.equal(await page.locator("nav.places b.n").count(), 0, "nothing waits");
      // A deployment changes how often an order is tried.
      const [was, is] = [tries, (tries += 1)];
      book.edit(file, policy(was), policy(is));
      await eventually(
        async () => {
          await page.goto(server.url);
          assert.equal(await waiting(), 1);
          // Now says that something changed, from what to what, and what it may have made wrong.
          assert.match(await page.locator(".answer").innerText(), /1 runbook may be outdated/);
        },
        { within: 10_000 },
      );
      const change = page.locator(".r-change > li").first();
      assert.match(await change.innerText(), new RegExp(`Push to ERP[^]*number of tries:\\s+${was}\\s+to\\s+${is}`));
      assert.match(await change.locator(".c-flags").innerText(), /ERP refuses orders/);
      await shot(page, `review-1-now-${short(way)}`);
      await good(page);
      // The runbook says so, at the right sections and only there, before the words that it is about.
      await page.goto(`${server.url}/runbooks/${slug}`);
      assert.match(await page.title(), /^May be wrong: ERP refuses orders/);
      assert.match(await page.locator(".doc-top .trust").first().innerText(), /^Check needed\s*2 sections$/);
      assert.deepEqual(await page.locator(".doc-section.flagged").evaluateAll((all) => all.map((one) => one.id)), flagged);
      const section = page.locator("#what-it-means");
      assert.match(await section.locator(".flag").innerText(), new RegExp(`number of tries was ${was}, is ${is} since `));
      // The text still says 6: the number that the first review saw.
      if (was === 6) assert.match(await section.locator(".flag-words").innerText(), /6 times/);
      assert.ok(
        await section.evaluate((element) => {
          const [warning, text] = [element.querySelector(".flag"), element.querySelector(".prose")];
          return !!(warning.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING);
        }),
        "the doubt stands before the text",
      );
      assert.match(await page.locator(".doc-top .notice.n-warn").innerText(), new RegExp(`no longer true[^]*It is ${is} now`));
      await shot(page, `review-2-runbook-${short(way)}`);
      await good(page);
      // The list of reviews has it first; its owner answers each flag.
      await page.goto(`${server.url}/reviews`);
      const row = page.locator("#check-needed .r-review > li");
      assert.equal(await row.count(), 1);
      assert.match(await row.innerText(), new RegExp(`Push to ERP: number of tries was ${was}, is ${is}`));
      await shot(page, `review-3-list-${short(way)}`);
      await good(page);
      await leads(page, row.getByRole("link", { name: /^Review/ }), way, `/reviews/${slug}`);
      assert.equal(await page.getByRole("button", { name: /^Still correct/ }).count(), 2);
      await shot(page, `review-4-one-${short(way)}`);
      await good(page);
      assert.equal(await answerAll(page, way, /^Still correct/), 2);
      await trusted(page);
      assert.equal(await page.locator("nav.places b.n").count(), 0, "nothing waits any more");
      await shot(page, `review-5-trusted-${short(way)}`);
      await good(page);
      await page.context().close();
    });
  }

  it("a value that returns closes its flag by itself", async () => {
    const page = await open(browser, `${server.url}/runbooks/${slug}`, { storage });
    const badge = page.locator(".doc-top .trust").first();
    const until = (words) =>
      eventually(
        async () => {
          await page.reload();
          assert.match(await badge.innerText(), words);
        },
        { within: 10_000 },
      );
    book.edit(file, policy(tries), policy(tries + 5));
    await until(/^Check needed/);
    book.edit(file, policy(tries + 5), policy(tries));
    await until(/^Trusted/);
    await page.context().close();
  });
});

describe("undocumented: from an error that nobody knows to the next one, which is known", () => {
  let server, browser, storage;
  let told = 0;

  before(async () => {
    server = await Server.start();
    const password = server.account("anna", "editor");
    browser = await launch();
    const way = { size: "desktop", colour: "light", javaScript: false };
    const page = await open(browser, `${server.url}/reviews/${slug}`, way);
    await signIn(page, "anna", password);
    await answerAll(page, way, /^This section is right/);
    storage = await page.context().storageState();
    await page.context().close();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** An order that fails for good, with an error of its own. */
  const fails = (code, order) =>
    server.events([
      step(workflow, order, "push-to-erp", "failed", { attempt: 6, error: { code, message: "No tax code" }, subject: `order/${order}` }),
    ]);
  /** The open problem that is explained by this failure point. */
  const explained = async (id) => (await server.api("problems?open=1")).items.find((one) => one.failure_point === id);

  for (const way of ways) {
    it(named(way), async () => {
      told += 1;
      const [code, id] = [`E7${told}`, `no-tax-code-${told}`];
      await fails(code, `${told}001`);
      const page = await open(browser, server.url, { ...way, storage });
      // The page of the workflow says that something is seen which the book does not explain.
      const inbox = page.getByRole("link", { name: /^1 thing was seen that the book does not say/ });
      await eventually(
        async () => {
          await page.goto(`${server.url}/workflows/${workflow}`);
          assert.equal(await inbox.count(), 1);
        },
        { within: 20_000 },
      );
      await leads(page, inbox, way, "/undocumented");
      const seen = page.locator(".inbox > li").first();
      assert.match(await seen.innerText(), new RegExp(`Unexplained error[^]*failed with "${code} No tax code"`));
      await press(seen.getByText("Accept into the book"), way);
      await seen.getByLabel(/^A short name/).fill(id);
      await seen.getByLabel("What it does to the business").fill("The order waits for accounting");
      await shot(page, `undocumented-1-inbox-${short(way)}`);
      await good(page);
      await leads(page, seen.getByRole("button", { name: /^Write it into the book/ }), way, "/undocumented");
      assert.match(await page.locator(".notice.n-good").innerText(), /^Written into .*order-to-erp\.yaml\. The book says so now/);
      assert.equal(await page.locator(".inbox > li").count(), 0, "nothing is left to be answered");
      // What the book says now is other than what the runbook's readers were promised: its owner is asked.
      await page.goto(`${server.url}/reviews/${slug}`);
      assert.match(await page.locator(".trust-line").innerText(), /Check needed/);
      assert.match(await page.locator(".review-flag").first().innerText(), /known failures was/);
      await shot(page, `undocumented-2-review-${short(way)}`);
      await good(page);
      assert.ok((await answerAll(page, way, /^Still correct/)) >= 1);
      assert.match(await page.locator(".doc-top .trust").first().innerText(), /^Trusted/);
      // The next order that fails like this is a failure that the book knows.
      await fails(code, `${told}002`);
      const problem = await eventually(
        async () => {
          const found = await explained(id);
          assert.ok(found?.count === 2, "both orders are one problem, and it is known");
          return found;
        },
        { within: 20_000 },
      );
      await page.goto(`${server.url}/problems/${problem.id}`);
      assert.match(await page.locator(".known").innerText(), new RegExp(`^Known failure: no tax code ${told}\\. The order waits for accounting\\.$`));
      await shot(page, `undocumented-3-known-${short(way)}`);
      await good(page);
      await page.context().close();
    });
  }
});

describe("edit: two people at one runbook", () => {
  let server, browser;
  const storages = {};
  before(async () => {
    server = await Server.start();
    browser = await launch();
    for (const name of ["anna", "jonas"]) {
      const password = server.account(name, "editor");
      const page = await open(browser, `${server.url}/sign-in`);
      await signIn(page, name, password);
      storages[name] = await page.context().storageState();
      await page.context().close();
    }
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const path = "/runbooks/courier-api-down";
  const old = "Before 12:00 nobody is hurt.";

  for (const [number, way] of ways.entries()) {
    it(named(way), async () => {
      const [hers, his] = [`Before 12:00 nobody is hurt, says Anna ${number}.`, `Before 1${3 + number}:00 nobody is hurt, says Jonas ${number}.`];
      const [anna, jonas] = await Promise.all(
        ["anna", "jonas"].map((name) => open(browser, `${server.url}${path}/edit`, { ...way, storage: storages[name] })),
      );
      const text = (page) => page.getByLabel("Text", { exact: true });
      const write = async (page, words) => {
        const before = await text(page).inputValue();
        assert.ok(/Before 1\d:00 nobody is hurt[^\n]*/.test(before));
        await text(page).fill(before.replace(/Before 1\d:00 nobody is hurt[^\n]*/, words));
        await page.getByLabel("Why this change").fill(`${words.slice(0, 40)}`);
      };
      if (number === 0) assert.ok((await text(anna).inputValue()).includes(old));
      await shot(anna, `edit-1-${short(way)}`);
      await good(anna);
      const base = Number(await anna.locator("input[name=base]").inputValue());
      // Both write; she saves first.
      await write(anna, hers);
      await write(jonas, his);
      const saved = await leads(anna, anna.getByRole("button", { name: `Save as version ${base + 1}` }), way, path);
      assert.ok([200, 303].includes(saved.status()));
      assert.match(await anna.locator(".notice.n-good").innerText(), new RegExp(`^Saved as version ${base + 1}\\.`));
      await good(anna);
      // He is not told "saved", and nothing of either is lost.
      const refused = await leads(jonas, jonas.getByRole("button", { name: `Save as version ${base + 1}` }), way, `${path}/edit`);
      assert.equal(refused.status(), 409);
      const conflict = jonas.locator(".conflict");
      assert.match(await conflict.getByRole("heading").first().innerText(), new RegExp(`^anna saved version ${base + 1} while you were writing`));
      // What became of the same words on each side, and the three whole texts.
      const clash = conflict.locator(".clashes > li");
      assert.equal(await clash.count(), 1);
      assert.match(await clash.innerText(), /Anna/);
      assert.match(await clash.innerText(), new RegExp(`Jonas[^]*${number}`));
      assert.ok((await conflict.locator("pre").allTextContents())[1].includes(hers), "the whole of hers is there");
      assert.ok((await text(jonas).inputValue()).includes(his), "what he typed is still in its place");
      await inSight(conflict.getByRole("heading").first(), "that it was not saved");
      await shot(jonas, `edit-2-conflict-${short(way)}`);
      await good(jonas);
      // Saving on needs that he has read hers.
      const mine = jonas.getByRole("button", { name: `Save mine as version ${base + 2}` });
      await press(mine, way);
      assert.ok(await jonas.locator("input[name=read]").evaluate((box) => box.matches(":invalid")));
      await press(jonas.getByLabel("I have read what anna changed"), way);
      await leads(jonas, mine, way, path);
      assert.match(await jonas.locator(".notice.n-good").innerText(), new RegExp(`^Saved as version ${base + 2}\\.`));
      assert.match(await jonas.locator(".doc-text").innerText(), new RegExp(`says Jonas ${number}`));
      await good(jonas);
      // Both versions stay and can be compared.
      await jonas.goto(`${server.url}${path}/compare?from=${base + 1}&to=${base + 2}`);
      assert.match(await jonas.locator("main del").first().innerText(), /12:00|Anna/);
      await shot(jonas, `edit-3-compare-${short(way)}`);
      await good(jonas);
      await anna.context().close();
      await jonas.context().close();
    });
  }

  it("the server, not only the browser, asks whether theirs was read", async () => {
    const page = await open(browser, `${server.url}${path}/edit`, { storage: storages.jonas });
    const base = Number(await page.locator("input[name=base]").inputValue());
    const body = await page.getByLabel("Text", { exact: true }).inputValue();
    const form = { base: String(base - 1), text: `${body}\nOne more line.\n`, why: "Without reading", action: "save" };
    const answer = await page.request.post(`${server.url}${path}/edit`, { form, headers: { origin: server.url } });
    assert.equal(answer.status(), 409);
    await page.context().close();
  });
});

describe("sign in", () => {
  let server, browser, password;
  before(async () => {
    server = await Server.start();
    password = server.account("olga", "operator");
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  for (const way of ways) {
    it(named(way), async () => {
      const wanted = `/runbooks/${slug}?from=alert`;
      const page = await open(browser, `${server.url}${wanted}`, way);
      // A stranger is asked who they are, and nothing of what is inside is shown.
      assert.equal(new URL(page.url()).pathname, "/sign-in");
      assert.doesNotMatch(await page.locator("body").innerText(), /ERP|Replay|source/);
      await shot(page, `sign-in-1-${short(way)}`);
      await good(page);
      // Wrong: it says so, keeps the name, and does not say which of the two was wrong.
      await page.getByLabel("Name").fill("olga");
      await page.getByLabel("Password").fill("not this one");
      const refused = await leads(page, page.getByRole("main").getByRole("button", { name: "Sign in" }), way, "/sign-in");
      assert.equal(refused.status(), 422);
      assert.equal(await page.getByRole("alert").innerText(), "That name and password do not belong together.");
      assert.equal(await page.getByLabel("Name").inputValue(), "olga");
      assert.equal(await page.getByLabel("Password").inputValue(), "");
      await shot(page, `sign-in-2-wrong-${short(way)}`);
      await good(page);
      // Right: to where one wanted to be.
      await signIn(page, "olga", password);
      assert.equal(page.url(), `${server.url}${wanted}`);
      assert.equal(await page.locator("h1").innerText(), "ERP refuses orders");
      await good(page);
      const cookie = (await page.context().cookies()).find(({ name }) => name === "watchbook");
      assert.ok(cookie.httpOnly && cookie.sameSite === "Lax");
      // What a role may not do says why, in words.
      assert.match(await page.locator(".doc-top .actions").innerText(), /Only for editors/);
      // Signing out: the page is closed to whoever takes the device next.
      await press(page.locator("details.who > summary"), way);
      assert.match(await page.locator("details.who").innerText(), /olga[^]*operator/);
      await shot(page, `sign-in-3-menu-${short(way)}`);
      await good(page);
      await leads(page, page.getByRole("button", { name: "Sign out" }), way, "/sign-in");
      await page.goto(`${server.url}/`);
      assert.equal(new URL(page.url()).pathname, "/sign-in");
      await page.context().clearCookies();
      await page.context().addCookies([cookie]);
      await page.goto(`${server.url}/`);
      assert.equal(new URL(page.url()).pathname, "/sign-in", "the old cookie is worth nothing");
      await page.context().close();
    });
  }
});

describe("check-in: from the link in a mail to a step that is done, without an account", () => {
  let server, browser;
  const run = "supplier-invoice-approval/i-7";
  before(async () => {
    server = await Server.start();
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  it("phone, light, without JavaScript", async () => {
    const way = { size: "phone", colour: "light", javaScript: false };
    const time = new Date(Date.now() - 60_000).toISOString();
    await server.events([step("supplier-invoice-approval", "i-7", "approve-invoice", "waiting", { time, subject: "supplier-invoice/i-7" })]);
    const headers = { authorization: `Bearer ${server.token("admin")}` };
    const link = await (await fetch(`${server.url}/api/v1/runs/${run}/check-in?step=approve-invoice`, { headers })).json();
    const progress = async () => (await server.api(`runs/${run}`)).steps[0].progress;
    // A scanner of mail opens it first, twice.
    for (const method of ["HEAD", "GET"]) await fetch(link.url, { method });
    assert.equal(await progress(), "waiting");
    const page = await open(browser, link.url, way);
    assert.equal(await page.locator("h1").innerText(), "Approve invoice i-7");
    const button = page.getByRole("main").getByRole("button");
    assert.equal(await button.count(), 1);
    await inSight(button, "the one button");
    await shot(page, "check-in-1-plain");
    await good(page);
    await Promise.all([page.waitForURL(/done=1/), press(button, way)]);
    assert.match(await page.locator("main").innerText(), /Recorded \d\d:\d\d\./);
    assert.equal(await progress(), "succeeded");
    await shot(page, "check-in-2-plain");
    await good(page);
    // Opened again another day, it says so.
    await page.goto(link.url);
    assert.match(await page.locator("main").innerText(), /This was recorded \d\d:\d\d already/);
    await page.context().close();
  });
});
