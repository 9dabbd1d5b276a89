// Every page in every state: readable for everybody (axe), at every width, by day and by night, without a word of
// complaint from the browser. The pictures in shots/ are for people to look at.

import assert from "node:assert/strict";
import { mkdirSync, rmSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Book, Server, axe, calm, eventually, fits, launch, open, shot, signIn, sizes, step } from "./support.mjs";

const ago = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
const refused = { code: "503", message: "SAP Business One refused the order: company database unavailable" };

/** A run that went through these steps, a second each, and ended well. */
function walk(workflow, run, steps, minutes, more = {}) {
  const start = Date.now() - minutes * 60_000;
  const time = (seconds) => new Date(start + seconds * 1000).toISOString();
  return [
    ...steps.flatMap((id, i) => [
      step(workflow, run, id, "running", { time: time(2 * i), ...more }),
      step(workflow, run, id, "succeeded", { time: time(2 * i + 1), ...more }),
    ]),
    { type: "run", workflow, run, state: "succeeded", time: time(2 * steps.length), ...more },
  ];
}
const orderSteps = ["receive-order", "validate-order", "reserve-stock", "charge-card", "create-invoice", "push-to-erp", "confirm-order"];
const order = (run, minutes) => walk("order-to-erp", run, orderSteps, minutes, { source: "shop", subject: `order/${run}` });

/** Two windows, a phone and a desk, that go from page to page. */
async function windows(browser, url, storage) {
  const [phone, desktop] = await Promise.all(["phone", "desktop"].map((size) => open(browser, url, { size, storage })));
  return { phone, desktop };
}

/**
 * Looks at one page in both windows, at 390, 320 and 1280 px, light and dark. `act` does what leads to the state, once
 * the page is there, and gives the answer to it.
 */
async function looksGood(pair, name, path, { title, status = 200, act, reads } = {}) {
  for (const [size, page] of Object.entries(pair)) {
    page.complaints = [];
    await page.emulateMedia({ colorScheme: "light" });
    let answer = await page.goto(path);
    if (act) answer = (await act(page)) ?? answer;
    await page.waitForLoadState();
    assert.equal(answer.status(), status);
    if (title) assert.match(await page.title(), title);
    if (reads) assert.match(await page.locator("main").innerText(), reads);
    assert.equal(await page.locator("h1").count(), 1, "one title");
    for (const colour of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme: colour });
      await axe(page, `${path}, ${size}, ${colour}`);
      await shot(page, `${name}-${size}-${colour}`);
      if (size === "phone") {
        await page.setViewportSize(sizes.narrow.viewport);
        await axe(page, `${path}, narrow, ${colour}`);
        await fits(page);
        if (colour === "light") await shot(page, `${name}-narrow`);
        await page.setViewportSize(sizes.phone.viewport);
      }
      await fits(page);
    }
    calm(page);
  }
}

/** Presses a button that sends a form and gives the answer. */
async function sends(page, name) {
  const [answer] = await Promise.all([
    page.waitForResponse((response) => response.request().isNavigationRequest() && response.request().method() === "POST"),
    page.getByRole("main").getByRole("button", { name }).click(),
  ]);
  await page.waitForLoadState();
  return answer;
}

describe("every page", () => {
  let book, server, browser, visitor, editor;
  const slug = "erp-refuses-orders";
  const see = (name, path, more = {}) => it(`${name} ${path}`, () => looksGood(more.as?.() ?? visitor, name, path, more));
  const asEditor = () => editor;

  before(async () => {
    book = new Book();
    server = await Server.start({ args: ["--public-read"], book: book.folder });
    browser = await launch();
    visitor = await windows(browser, server.url);
    const password = server.account("anna", "editor");
    const page = await open(browser, `${server.url}/sign-in`);
    await signIn(page, "anna", password);
    editor = await windows(browser, server.url, await page.context().storageState());
    await page.context().close();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    book?.remove();
  });

  describe("before anything was heard", () => {
    see("quiet-now", "/", { title: /^No signal: Now/ });
    see("quiet-workflows", "/workflows", { title: /^No signal: Workflows/ });
    see("quiet-workflow", "/workflows/order-to-erp", { title: /^No signal: Order to ERP/ });
    see("quiet-runs", "/workflows/order-to-erp/runs");
    see("quiet-sources", "/sources", { reads: /No source has reported yet/ });
  });

  describe("the book", () => {
    see("components", "/components");
    see("component", "/components/erp-sync-queue");
    see("component-what-if", "/components/sap-business-one?suppose=down", { title: /^What if/, reads: /Notice for business staff/ });
    see("component-sheet", "/components/courier-rates-sheet");
    see("runbooks", "/runbooks", { reads: /Never reviewed/ });
    see("runbook-never-reviewed", `/runbooks/${slug}`, { reads: /Never reviewed/ });
    see("runbook-not-linked", "/runbooks/refund-failed", { reads: /Not linked/ });
    see("reviews", "/reviews");
    see("undocumented-nothing", "/undocumented", { reads: /Everything that was seen is in the book/ });
    see("coverage", "/coverage", { reads: /Score[^]*low 1, normal 2, high 4, critical 8/ });
    see("decisions", "/decisions", { reads: /In force\.[^]*Replaced by: Put a queue between shop and ERP\./ });
    see("decision", "/decisions/2026-03-queue-before-erp", { reads: /took the place of/ });
    see("decision-replaced", "/decisions/2022-09-direct-call-to-erp", { reads: /Another decision took its place/ });
    see("decision-new", "/decisions/new?about=workflow:refunds", { as: asEditor });
    see("workarounds", "/workarounds", { as: asEditor, reads: /(Look again by|Past its date:) 2027-03-01\./ });
    see("workaround", "/workarounds/tracking-number-in-remarks", { as: asEditor, reads: /Look at it again/ });
    see("workaround-new", "/workarounds/new", { as: asEditor });
    see("write", "/write?part=component:sap-business-one&field=fields.customer_group.in_practice", { as: asEditor });
    see("review-stranger", `/reviews/${slug}`, { reads: /Sign in as an editor to review this/ });
    see("review-editor", `/reviews/${slug}`, { as: asEditor, reads: /This section is right/ });
    see("history-one", `/runbooks/${slug}/history`);
    see("find", "/find");
    see("find-nothing", "/find?q=zzz", { reads: /Nothing found for/ });
    see("find-words", "/find?q=duty+desk");
    see("sign-in", "/sign-in");
    see("edit", `/runbooks/${slug}/edit`, { as: asEditor });
    see("new", "/runbooks/new?for=workflow:refunds", { as: asEditor });
  });

  describe("what goes wrong", () => {
    see("missing-page", "/nowhere", { status: 404, reads: /Find a workflow/ });
    see("missing-workflow", "/workflows/order-to-erb", { status: 404, reads: /order-to-erb/ });
    see("missing-run", "/runs/order-to-erp/99999", { status: 404 });
    see("missing-runbook", "/runbooks/nothing-here", { status: 404 });
    see("missing-version", `/runbooks/${slug}/versions/99`, { status: 404 });
    see("missing-component", "/components/nothing", { status: 404 });
    see("wrong-password", "/sign-in", {
      status: 422,
      act: async (page) => {
        await page.getByLabel("Name").fill("anna");
        await page.getByLabel("Password").fill("wrong");
        return sends(page, "Sign in");
      },
    });
    see("edit-refused", `/runbooks/${slug}/edit`, {
      as: asEditor,
      status: 422,
      reads: /What you typed is still here/,
      act: async (page) => {
        await page.getByLabel("Text", { exact: true }).fill("---\ntitle: ERP\nowner: nobody-team\nfor: [step:order-to-erp/push]\ncolour: red\n---\n\nAsk [them](component:nobody).\n");
        await page.getByLabel("Why this change").fill("A try");
        return sends(page, /^Save as version/);
      },
    });
    see("edit-preview", `/runbooks/${slug}/edit`, { as: asEditor, act: (page) => sends(page, "Preview") });
    see("new-refused", "/runbooks/new", {
      as: asEditor,
      status: 422,
      act: async (page) => {
        await page.getByLabel("Name in its address").fill(slug);
        await page.getByLabel("Why this change").fill("A try");
        return sends(page, /^Save as version/);
      },
    });
    it("a role that is too low", async () => {
      const password = server.account("vera", "viewer");
      const page = await open(browser, `${server.url}/sign-in`);
      await signIn(page, "vera", password);
      const pair = await windows(browser, server.url, await page.context().storageState());
      await looksGood(pair, "refused-role", `/runbooks/${slug}/edit`, { status: 403, reads: /editor/ });
      await looksGood(pair, "runbook-viewer", `/runbooks/${slug}`, { reads: /Only for editors/ });
      for (const { context } of [page, pair.phone, pair.desktop].map((p) => ({ context: p.context() }))) await context.close();
    });
  });

  describe("on track", () => {
    before(async () => {
      await server.events([
        ...Array.from({ length: 14 }, (_, i) => order(String(1000 + i), 40 - 3 * i)).flat(),
        ...order("1014", 0.3),
        ...walk("courier-booking", "p-1", ["prepare-parcel", "choose-courier", "book-courier"], 1, { source: "warehouse" }),
        ...walk("nightly-reconcile", "2026-06-04", ["open-day"], 1, { source: "reconcile-job" }),
        ...walk("refunds", "r-1", ["request-refund"], 1, { source: "shop" }),
        ...walk("stock-sync", "s-1", ["read-warehouse-stock", "subtract-reservations"], 0.3, { source: "warehouse" }),
        ...walk("supplier-invoice-approval", "i-1", ["receive-invoice-mail"], 1, { source: "finance" }),
      ]);
    });
    see("on-track-now", "/", { title: /^On track: Now/, reads: /Nothing needs you/ });
    see("on-track-workflows", "/workflows", { title: /^On track: Workflows/ });
    see("on-track-workflow", "/workflows/order-to-erp", { title: /^On track: Order to ERP/, reads: /Orders are flowing/ });
    see("on-track-runs", "/workflows/order-to-erp/runs");
    see("on-track-run", "/runs/order-to-erp/1014", { title: /^On track/ });
    see("on-track-sources", "/sources", { title: /^On track: Sources/ });
  });

  describe("retrying", () => {
    before(() =>
      server.events([
        step("courier-booking", "p-2", "prepare-parcel", "succeeded", { time: ago(6), source: "warehouse", subject: "order/1011" }),
        ...[1, 2].map((attempt) =>
          step("courier-booking", "p-2", "book-courier", "retrying", {
            ...{ time: ago(6 - 2 * attempt), source: "warehouse", attempt, next_attempt_at: ago(attempt === 2 ? -9 : 2.5) },
            error: { code: "503", message: "courier API unavailable" },
          }),
        ),
      ]),
    );
    see("retrying-now", "/", { title: /^Retrying: Now/ });
    see("retrying-workflow", "/workflows/courier-booking", { title: /^Retrying: Courier booking/, reads: /Nobody needs to act yet/ });
    see("retrying-runs", "/workflows/courier-booking/runs?state=retrying");
    see("retrying-run", "/runs/courier-booking/p-2", { title: /^Retrying/ });
  });

  describe("no signal any more", () => {
    before(() => server.events(walk("scanner-upload", "old-1", ["read", "send"], 60 * 30, { source: "scanner" })));
    see("no-signal-now", "/", { title: /^No signal: Now/ });
    see("no-signal-workflow", "/workflows/scanner-upload", { title: /^No signal: scanner-upload/, reads: /We do not know if this is working/ });
    see("no-signal-run", "/runs/scanner-upload/old-1");
  });

  describe("late", () => {
    before(() =>
      server.events([
        step("order-to-erp", "1015", "receive-order", "succeeded", { time: ago(9.5), source: "shop", subject: "order/1015" }),
        step("order-to-erp", "1015", "validate-order", "running", { time: ago(9), source: "shop", subject: "order/1015" }),
      ]),
    );
    see("late-now", "/", { title: /^Late: Now/ });
    see("late-workflow", "/workflows/order-to-erp", { title: /^Late: Order to ERP/, reads: /Nothing has failed, but/ });
    see("late-runs", "/workflows/order-to-erp/runs?state=late");
    see("late-run", "/runs/order-to-erp/1015", { title: /^Late/ });
  });

  describe("what a person does", () => {
    let operator, link;
    const asOperator = () => operator;
    before(async () => {
      await server.events([
        step("supplier-invoice-approval", "i-2", "check-bank-details", "succeeded", { time: ago(3), source: "finance", subject: "supplier-invoice/i-2" }),
        step("supplier-invoice-approval", "i-2", "approve-invoice", "waiting", { time: ago(2), source: "finance", waiting_on: "the budget owner" }),
      ]);
      const password = server.account("olga", "operator");
      const page = await open(browser, `${server.url}/sign-in`);
      await signIn(page, "olga", password);
      operator = await windows(browser, server.url, await page.context().storageState());
      await page.context().close();
      const headers = { authorization: `Bearer ${server.token("admin")}` };
      const answer = await fetch(`${server.url}/api/v1/runs/supplier-invoice-approval/i-2/check-in?step=approve-invoice`, { headers });
      link = (await answer.json()).path;
    });
    see("waits-run", "/runs/supplier-invoice-approval/i-2", { as: asOperator, reads: /Copy check-in link/ });
    it("check-in", () => looksGood(visitor, "check-in", link, { reads: /Approve invoice i-2[^]*If it is skipped[^]*It is done/ }));
    it("check-in-changed", () => looksGood(visitor, "check-in-changed", `${link}x`, { status: 404, reads: /This link does nothing/ }));
    see("pause", "/workflows/courier-booking/pause", { as: asOperator, reads: /Until the next 06:00/ });
    see("pause-visitor", "/workflows/courier-booking/pause", { reads: /Sign in as an operator to pause/ });
    see("pause-refused", "/workflows/courier-booking/pause", {
      as: asOperator,
      status: 422,
      reads: /Say why/,
      act: (page) => sends(page, "Pause"),
    });
    it("pause-set", async () => {
      const page = operator.desktop;
      await page.goto("/workflows/courier-booking/pause");
      await page.getByLabel("What").selectOption("component:courier-queue");
      await page.getByLabel("Why").fill("The courier moves to another data centre");
      await page.getByLabel("For 4 hours").check();
      assert.equal((await sends(page, "Pause")).status(), 303);
      await looksGood(visitor, "paused-workflow", "/workflows/courier-booking", { reads: /is paused by olga from/ });
      await looksGood(visitor, "paused-component", "/components/courier-queue", { reads: /Paused by olga from/ });
      await looksGood(operator, "paused-pause", "/workflows/courier-booking/pause", { reads: /Resume now/ });
      await page.goto("/workflows/courier-booking/pause");
      assert.equal((await sends(page, /^Resume now/)).status(), 303);
      await looksGood(visitor, "resumed-workflow", "/workflows/courier-booking", { reads: /olga ended the pause/ });
    });
  });

  describe("broken", () => {
    before(async () => {
      const held = (run, minutes) => [
        ...orderSteps.slice(0, 4).map((id, i) => step("order-to-erp", run, id, "succeeded", { time: ago(minutes - i * 0.01), source: "shop", subject: `order/${run}` })),
        ...[1, 2, 3, 4, 5, 6].map((attempt) =>
          step("order-to-erp", run, "push-to-erp", attempt < 6 ? "retrying" : "failed", { time: ago(minutes - attempt), attempt, error: refused, source: "erp-sync" }),
        ),
      ];
      await server.events([
        ...held("1016", 22),
        ...held("1017", 15),
        step("order-to-erp", "1018", "manual-check", "running", { time: ago(1), source: "shop" }),
        // Heard after it was over.
        step("order-to-erp", "1016", "create-invoice", "succeeded", { time: ago(21), source: "shop" }),
      ]);
      const bad = { type: "step", workflow: "order-to-erp", run: "1019", step: "push-to-erp", state: "exploded" };
      const headers = { authorization: `Bearer ${server.token()}`, "content-type": "application/json" };
      assert.equal((await fetch(`${server.url}/api/v1/events`, { method: "POST", headers, body: JSON.stringify(bad) })).status, 422);
      await server.events([
        ...Array.from({ length: 40 }, (_, i) => ({
          ...{ type: "queue", queue: "erp-sync-queue", source: "broker", time: ago(40 - i) },
          ...{ depth: 20 + 10 * i, oldest: `${Math.max(1, i - 8)}m`, in: 14, out: 4 },
        })),
        { type: "queue", queue: "erp-sync-queue", depth: 412, oldest: "47m", source: "broker" },
      ]);
    });
    see("broken-now", "/", { title: /^Broken: Now/, reads: /needs a person/ });
    see("broken-workflows", "/workflows", { title: /^Broken: Workflows/ });
    see("broken-workflow", "/workflows/order-to-erp", { title: /^Broken: Order to ERP/, reads: /Push to ERP has failed/ });
    see("broken-runs", "/workflows/order-to-erp/runs?state=failed&step=push-to-erp");
    see("broken-run", "/runs/order-to-erp/1016", { title: /^Broken/ });
    see("broken-component", "/components/erp-sync-worker");
    see("backlog-component", "/components/erp-sync-queue", { title: /^Late: ERP sync queue/, reads: /412 orders wait in ERP sync queue/ });
    see("broken-runbook", `/runbooks/${slug}`);
    see("broken-sources", "/sources", { reads: /1 refused/ });
    it("a refused event is tried again and says why it is still refused", async () => {
      const password = server.account("otto", "operator");
      const page = await open(browser, `${server.url}/sign-in`);
      await signIn(page, "otto", password);
      const pair = await windows(browser, server.url, await page.context().storageState());
      await looksGood(pair, "refused-sources", "/sources", {
        status: 422,
        reads: /It is still refused/,
        act: async (shown) => {
          await shown.locator("#refused-events summary").first().click();
          return sends(shown, "Try again");
        },
      });
      for (const { context } of [page, pair.phone, pair.desktop].map((p) => ({ context: p.context() }))) await context.close();
    });
    see("broken-find", "/find?q=1016");
    see("look-back", "/workflows/order-to-erp", {
      reads: /Other moments|1 hour earlier|Moment \(/,
      act: (page) => page.getByText("Look back").click(),
    });
    it("what was known a moment ago, on every page that can look back", async () => {
      const then = await eventually(
        async () => {
          const at = encodeURIComponent(new Date(Date.now() - 1_000).toISOString());
          assert.equal((await server.api(`workflows/order-to-erp?at=${at}`)).state, "broken");
          assert.equal((await server.api(`now?at=${at}`)).state, "broken");
          return at;
        },
        { within: 10_000 },
      );
      for (const [name, path, reads] of [
        ["past-now", "/", /needs a person/],
        ["past-workflows", "/workflows", /Order to ERP/],
        ["past-workflow", "/workflows/order-to-erp", /Push to ERP has failed[^]*This is how it was/],
        ["past-run", "/runs/order-to-erp/1016", /Push to ERP failed/],
        ["past-subject", "/subjects/order/1016", /1016/],
        ["past-component", "/components/erp-sync-worker", /ERP sync worker/],
        ["past-queue", "/components/erp-sync-queue", /412/],
      ]) {
        await looksGood(visitor, name, `${path}?at=${then}`, { reads });
        const whole = await visitor.phone.locator("body").innerText();
        assert.match(whole, /As it was known/, name);
        assert.doesNotMatch(whole, /Live, picture of/, name);
        assert.equal(await visitor.phone.locator("main form[method=post]").count(), 0, `${name} offers nothing that changes it`);
      }
      await looksGood(visitor, "past-too-early", "/workflows/order-to-erp?at=2020-01-01T00:00:00Z", { status: 404, reads: /recorded from/ });
      await looksGood(visitor, "past-to-come", "/?at=2999-01-01T00:00:00Z", { status: 400, reads: /has not been yet/ });
    });
  });

  describe("a subject", () => {
    const record = (system, fields, minutes) => ({ type: "record", system, subject: "order/7001", fields, time: ago(minutes), source: system });
    const order = { source: "shop", subject: "order/7001", correlation: "basket-7001" };
    let says;
    before(async () => {
      await server.events([
        ...walk("order-to-erp", "7001", orderSteps.slice(0, 5), 22, order).slice(0, -1),
        ...[1, 2, 3].map((attempt) => step("order-to-erp", "7001", "push-to-erp", "failed", { time: ago(21 - attempt), attempt, error: refused, next_attempt_at: ago(20 - attempt), ...order })),
        step("order-to-erp", "7001", "push-to-erp", "failed", { time: ago(5), attempt: 6, error: refused, ...order }),
        step("courier-booking", "parcel-7001", "prepare-parcel", "running", { time: ago(3), ...order, source: "warehouse" }),
        step("order-to-erp", "7002", "receive-order", "succeeded", { time: ago(2), ...order, subject: "order/7002" }),
        record("shop-database", { status: "paid", total: 129.9 }, 21),
        record("sap-business-one", { status: "open", total: 129.9 }, 20),
      ]);
      const password = server.account("rosa", "operator");
      const page = await open(browser, `${server.url}/sign-in`);
      await signIn(page, "rosa", password);
      says = await windows(browser, server.url, await page.context().storageState());
      await page.context().close();
    });
    const asRosa = () => says;
    see("subject", "/subjects/order/7001", { title: /^Broken: order\/7001/, reads: /Push to ERP failed 4 times/ });
    see("subject-stranger", "/subjects/order/7002", { reads: /by correlation basket-7001/ });
    see("subject-missing", "/subjects/order/9", { status: 404, reads: /There is no subject/ });
    see("subject-found", "/find?q=7002", { reads: /7002/ });
    see("subject-say", "/subjects/order/7001", {
      as: asRosa,
      act: (page) => page.getByText("Something looks wrong").click(),
      reads: /In plain words/,
    });
    see("subject-refused", "/subjects/order/7001", {
      as: asRosa,
      status: 422,
      reads: /Say in a few words/,
      act: async (page) => {
        await page.getByText("Something looks wrong").click();
        await page.getByLabel("What looks wrong?").fill(" ");
        return sends(page, "Say it");
      },
    });
    it("what somebody says stands on the run and on Now", async () => {
      await says.desktop.goto("/runs/order-to-erp/7001");
      await says.desktop.getByText("Something looks wrong").click();
      await says.desktop.getByLabel("What looks wrong?").fill("The customer got the mail twice.");
      await sends(says.desktop, "Say it");
      await looksGood(visitor, "said-run", "/runs/order-to-erp/7001", { reads: /rosa says: The customer got the mail twice/ });
      await looksGood(says, "said-now", "/", { reads: /Somebody says/ });
      await says.desktop.goto("/");
      await sends(says.desktop, /^Seen/);
      // The picture that the stream begins with may have been made before the button was pressed.
      await eventually(async () => assert.doesNotMatch(await says.desktop.locator("main").innerText(), /Somebody says/));
    });
  });

  describe("a runbook that may be wrong", () => {
    before(async () => {
      const page = await open(browser, `${server.url}/reviews/${slug}`, { storage: await editor.desktop.context().storageState() });
      for (;;) {
        const button = page.getByRole("button", { name: /^This section is right/ });
        if ((await button.count()) === 0) break;
        await Promise.all([page.waitForEvent("load"), button.first().click()]);
      }
      await page.context().close();
      book.edit("workflows/order-to-erp.yaml", "max_attempts: 6,", "max_attempts: 8,");
      // The text says "Wait 5 minutes" in a step to do.
      book.edit("workflows/order-to-erp.yaml", "via: erp-sync-queue\n    finish_within: 5m", "via: erp-sync-queue\n    finish_within: 7m");
      await eventually(async () => assert.equal((await server.api("reviews")).items.length, 4), { within: 10_000 });
    });
    see("flagged-now", "/", { reads: /1 runbook may be outdated/ });
    see("flagged-workflow", "/workflows/order-to-erp");
    see("flagged-runbook", `/runbooks/${slug}`, { title: /^May be wrong/, reads: /May be wrong: Wait 5 minutes/ });
    see("flagged-reviews", "/reviews");
    see("flagged-review", `/reviews/${slug}`, { as: asEditor });
    see("flagged-edit", `/runbooks/${slug}/edit?section=what-it-means`, { as: asEditor });
    it("a drill of it, with the step that may be wrong", async () => {
      await editor.desktop.goto(`/runbooks/${slug}`);
      await sends(editor.desktop, "Start a drill");
      const drill = new URL(editor.desktop.url()).pathname;
      assert.match(drill, /\/drills\/1$/);
      await looksGood(editor, "flagged-drill", drill, { reads: /May be wrong: Wait 5 minutes/ });
      await looksGood(visitor, "flagged-drill-visitor", drill);
    });
    it("versions and what differs between them", async () => {
      const page = await open(browser, `${server.url}/runbooks/${slug}/edit`, { storage: await editor.desktop.context().storageState() });
      const text = page.getByLabel("Text", { exact: true });
      await text.fill((await text.inputValue()).replace("Send the rest.", "Send the rest, 50 at a time."));
      await page.getByLabel("Why this change").fill("The ERP cannot take all at once");
      await sends(page, /^Save as version 2/);
      await page.context().close();
      await looksGood(visitor, "history", `/runbooks/${slug}/history`);
      await looksGood(visitor, "compare", `/runbooks/${slug}/compare?from=1&to=2`, { reads: /50 at a time/ });
      await looksGood(visitor, "old-version", `/runbooks/${slug}/versions/1`, { title: /^Old version/ });
    });
    it("a file that says something else than what was saved here shows both", async () => {
      // What stands in the way of writing the file keeps it as it is until it differs.
      const inTheWay = join(book.folder, "guides", `.${slug}.md.watchbook`);
      mkdirSync(inTheWay);
      const page = await open(browser, `${server.url}/runbooks/${slug}/edit`, { storage: await editor.desktop.context().storageState() });
      const text = page.getByLabel("Text", { exact: true });
      await text.fill((await text.inputValue()).replace("50 at a time", "60 at a time"));
      await page.getByLabel("Why this change").fill("The ERP was made faster");
      await sends(page, /^Save as version 3/);
      await looksGood(visitor, "file-waits", `/runbooks/${slug}`, { reads: /could not be written/ });
      await looksGood(visitor, "sources-file-waits", "/sources", { reads: /could not be written/ });
      book.edit(`guides/${slug}.md`, "50 at a time", "10 at a time");
      rmdirSync(inTheWay);
      await eventually(async () => assert.match((await server.api(`runbooks/${slug}`)).in_file?.text ?? "", /10 at a time/), { within: 10_000 });
      const opens = (page) => page.getByText("What differs, from version").click();
      await looksGood(visitor, "file-differs", `/runbooks/${slug}`, { act: opens, reads: /10 at a time/ });
      await looksGood(editor, "settle", `/runbooks/${slug}/settle`, { reads: /changed in both/ });
      await page.goto(`/runbooks/${slug}`);
      await sends(page, "Take the file's text");
      assert.match(await page.locator("main").innerText(), /10 at a time/);
      await page.context().close();
    });
    it("a runbook whose file is gone asks what becomes of it, and is retired", async () => {
      const file = join(book.folder, "guides", `${slug}.md`);
      rmSync(file);
      await eventually(async () => assert.equal((await server.api(`runbooks/${slug}`)).file?.state, "gone"), { within: 10_000 });
      await looksGood(editor, "file-gone", `/runbooks/${slug}`, { reads: /Its file is gone/ });
      const page = editor.desktop;
      await page.goto(`/runbooks/${slug}`);
      await sends(page, "Retire the runbook");
      await looksGood(editor, "retired", `/runbooks/${slug}`, { title: /^Retired/, reads: /Do not follow it/ });
    });
    it("an image is put into a text by a file, a paste or a drop, with and without JavaScript", async () => {
      const png = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==", "base64");
      const storage = await editor.desktop.context().storageState();
      const some = (await server.api("runbooks")).items.map((row) => row.slug).find((other) => other !== slug);
      for (const javaScript of [true, false]) {
        const page = await open(browser, `${server.url}/runbooks/${some}/edit`, { storage, javaScript });
        const text = page.getByLabel("Text", { exact: true });
        await page.getByText("Add an image", { exact: true }).click();
        await page.getByLabel("Image", { exact: true }).setInputFiles({ name: `Queue ${javaScript}.png`, mimeType: "image/png", buffer: png });
        await page.getByLabel("What it shows, in words").fill("The queue");
        if (javaScript) {
          await page.getByRole("button", { name: "Add the image" }).click();
        } else {
          await sends(page, "Add the image");
          assert.equal(await page.locator(".edit-preview img").count(), 1, "the preview shows it");
        }
        await eventually(async () => assert.ok((await text.inputValue()).includes(`![The queue](${some}/queue-${javaScript}.png)`)));
        if (javaScript) {
          // A paste, as browsers make one of a screenshot, puts it where the cursor is; at the very top that is below the
          // header, which would else become words.
          await text.evaluate((area) => area.setSelectionRange(0, 0));
          await text.evaluate(async (area, base64) => {
            const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([bytes], "image.png", { type: "image/png" }));
            area.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
          }, png.toString("base64"));
          await eventually(async () => assert.ok((await text.inputValue()).includes(`\n---\n\n![image](${some}/image.png)\n`)));
          assert.ok((await text.inputValue()).startsWith("---\n"));
          await axe(page, "an image in the editor");
          await shot(page, "image-in-editor");
        }
        await page.context().close();
      }
    });
  });

  describe("a book that cannot be read", () => {
    before(async () => {
      book.edit("workflows/order-to-erp.yaml", "kind: workflow", "kind: workflwo");
      await eventually(
        async () => {
          await visitor.desktop.goto("/");
          assert.match(await visitor.desktop.locator("main").innerText(), /The book on disk cannot be used/);
        },
        { within: 10_000 },
      );
    });
    see("bad-book-now", "/", { reads: /The book on disk cannot be used; the last good one is shown/ });
    see("bad-book-runbook", `/runbooks/${slug}`, { reads: /The book on disk cannot be used/ });
  });
});

describe("a portal with nothing in it", () => {
  let book, server, browser, visitor;
  const see = (name, path, more) => it(`${name} ${path}`, () => looksGood(visitor, name, path, more));
  before(async () => {
    book = new Book({ empty: true });
    server = await Server.start({ args: ["--public-read"], book: book.folder });
    browser = await launch();
    visitor = await windows(browser, server.url);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    book?.remove();
  });
  see("empty-now", "/", { title: /^No signal: Now/, reads: /Nothing to watch yet/ });
  see("empty-workflows", "/workflows");
  see("empty-components", "/components");
  see("empty-runbooks", "/runbooks");
  see("empty-reviews", "/reviews");
  see("empty-decisions", "/decisions", { reads: /No decision is in the book yet/ });
  see("empty-workarounds", "/workarounds", { reads: /No workaround is in the book/ });
  see("empty-sources", "/sources");
  see("empty-find", "/find?q=order");
  see("empty-sign-in", "/sign-in", { reads: /watchbook user add/ });
});
