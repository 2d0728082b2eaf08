// The page of one question: keys, the card that is shown, and those that wait, typeset already.
"use strict";
(() => {
  const $ = (selector, inside = document) => inside.querySelector(selector);
  const $$ = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const csrf = $('meta[name="csrf"]')?.content;

  // ------------------------------------------------------------------ what every page has

  const dialog = $("#dialog");
  const said = $("#said");

  const SHOWN = 6000;  // milliseconds; what went wrong stays until something else is said
  let saying;

  function say(sentence, kind = "fine") {
    if (!said) return;
    said.textContent = sentence;
    said.dataset.kind = kind;
    clearTimeout(saying);
    if (kind === "fine") saying = setTimeout(() => { said.textContent = ""; }, SHOWN);
  }

  // Send JSON to the desk. An answer without a page to go on with is a sentence, and is thrown.
  async function post(url, data) {
    let answer;
    try {
      answer = await fetch(url, {method: "POST", body: JSON.stringify(data),
        headers: {"Content-Type": "application/json", "X-CSRF": csrf}});
    } catch {
      throw new Error("The desk does not answer: is it still running? What you chose is kept here.");
    }
    const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
    const found = isJson ? await answer.json() : {};
    if (answer.ok || found.conflict) return found;
    throw new Error(found.said || `The desk could not do that (${answer.status}).`);
  }

  function openDialog(html) {
    $("#dialog-body").innerHTML = html;
    htmx.process($("#dialog-body"));
    if (!dialog.open) dialog.showModal();
    $$("[data-math]", dialog).forEach(typeset);
    ($("[autofocus]", dialog) ?? $("button, input, a", $("#dialog-body")))?.focus();
  }

  async function openDialogFrom(url) {
    const answer = await fetch(url);
    openDialog(await answer.text());
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-close]");
    if (button) dialog.close();
    const opener = event.target.closest("[data-dialog]");
    if (opener) openDialogFrom(opener.dataset.dialog);
  });
  document.addEventListener("htmx:responseError", (event) => {
    say(event.detail.xhr.responseText.slice(0, 300) || "The desk could not do that.", "bad");
  });
  document.addEventListener("htmx:sendError", () => {
    say("The desk does not answer: is it still running?", "bad");
  });

  const stage = $("#stage");
  if (!stage) return;

  // ------------------------------------------------------------------ the question's page

  const base = stage.dataset.base;
  const waiting = $("#waiting");
  const panel = $("#give");
  const fields = {adjustment: $("#adjustment"), comment: $("#comment"), none: $("#none")};
  const typesetting = new WeakMap();
  const KEPT = 6;  // cards that wait
  const PATIENCE = 60;  // milliseconds for which a card's formulas are waited for
  let last = null;  // what was given last, for `.`
  let given = 0;

  const card = () => stage.firstElementChild;
  const boxes = () => $$('input[name="item"]', panel);
  const chosen = () => boxes().filter((box) => box.checked).map((box) => Number(box.value));

  // ---- cards

  const url = (path, values = {}) => {
    const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value));
    if (stage.dataset.second) query.set("second", "1");
    return `${base}${path && `/${path}`}${query.size ? `?${query}` : ""}`;
  };

  async function load(key) {
    const answer = await fetch(url(`card/${key}`));
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    const template = document.createElement("template");
    template.innerHTML = text;
    return template.content.firstElementChild;
  }

  const pending = new Map();

  // A card that waits: fetched, in the page, and typeset there out of sight.
  function prefetch(key) {
    if (!key || key === card()?.dataset.key) return Promise.resolve(null);
    const found = $(`:scope > [data-key="${key}"]`, waiting);
    if (found) return Promise.resolve(found);
    if (!pending.has(key)) {
      pending.set(key, load(key).then((one) => {
        waiting.append(one);
        while (waiting.childElementCount > KEPT) waiting.firstElementChild.remove();
        htmx.process(one);
        typesetting.set(one, typeset(one));
        return one;
      }).finally(() => pending.delete(key)));
    }
    return pending.get(key);
  }

  async function prefetchAround() {
    const {ungraded, next, previous} = card().dataset;
    try {
      const coming = await prefetch(ungraded);
      await prefetch(coming?.dataset.ungraded);
      await prefetch(next);
      await prefetch(previous);
    } catch { /* it is fetched when it is wanted, and says then what is wrong */ }
  }

  const forget = (keys) => {
    for (const one of [...waiting.children]) {
      if (!keys || keys.includes(one.dataset.key)) one.remove();
    }
  };

  async function show(key, {fresh = false} = {}) {
    if (!key) return;
    if (fresh) forget([key]);
    let one = $(`:scope > [data-key="${key}"]`, waiting) ?? await pending.get(key);
    if (!one) {
      one = await load(key);
      waiting.append(one);
      htmx.process(one);
      typesetting.set(one, typeset(one));
    }
    await Promise.race([typesetting.get(one), new Promise((done) => setTimeout(done, PATIENCE))]);
    stage.replaceChildren(one);
    stage.scrollTop = 0;
    arrived();
  }

  // A card has come onto the stage.
  function arrived() {
    const {key, place, count, rubric} = card().dataset;
    fill();
    history.replaceState(null, "", url("", {card: key}));
    $("#announce").textContent = `Answer ${place} of ${count}, ${card().dataset.words}`;
    if (rubric !== $("#items").dataset.rubric) reloadItems();
    requestAnimationFrame(() => setTimeout(settled));
  }

  // It is painted: now there is time for what comes next.
  function settled() {
    prefetchAround();
    claim();
  }

  const read = (text, otherwise) => (text ? JSON.parse(text) : otherwise);

  // Fill the panel with what the card has.
  function fill() {
    const held = read(card().dataset.given, null);
    for (const box of boxes()) box.checked = held?.items.includes(Number(box.value)) ?? false;
    fields.none.checked = Boolean(held) && !held.items.length;
    fields.adjustment.value = held?.adjustment || "";
    fields.comment.value = held?.comment ?? "";
    $("#group").hidden = !(read(card().dataset.group, []).length);
    $("#group-count").textContent = card().dataset.groupCount;
    $("#take-out").hidden = $("#group").hidden;
    total();
    suggest();
  }

  function total() {
    let sum = 0, cap = Infinity;
    for (const box of boxes()) {
      if (!box.checked) continue;
      const points = Number(box.dataset.points);
      if (box.dataset.kind === "caps") cap = Math.min(cap, points);
      else sum += box.dataset.kind === "takes" ? -points : points;
    }
    const most = Number(panel.dataset.most);
    const points = Math.max(0, Math.min(most, Math.min(cap, sum) + (Number(fields.adjustment.value) || 0)));
    const isChosen = chosen().length || fields.none.checked || fields.adjustment.value;
    $("#total").textContent = isChosen ? String(Math.round(points * 1e6) / 1e6) : "–";
  }

  async function reloadItems() {
    const kept = choice();
    const answer = await fetch(url("panel"));
    if (!answer.ok) return;
    $("#items").outerHTML = await answer.text();
    typeset($("#items"));
    for (const box of boxes()) box.checked = kept.items.includes(Number(box.value));
    total();
  }

  // ---- giving

  const choice = () => ({items: chosen(), adjustment: Number(fields.adjustment.value) || 0,
    comment: fields.comment.value.trim()});

  async function give(scope, started) {
    const what = choice();
    if (!what.items.length && !fields.none.checked && !what.adjustment) {
      say("Nothing is chosen: press the number of an item, or 0 for none of them.", "bad");
      return;
    }
    if (!fields.adjustment.checkValidity()) {
      say("The adjustment is no number.", "bad");
      return;
    }
    const owners = read(card().dataset.owners, []);
    if (scope === "group") owners.push(...read(card().dataset.group, []));
    const answer = await post(url("give"), {...what, owners, key: card().dataset.key});
    if (answer.conflict) {
      openDialog(answer.html);
      return;
    }
    last = what;
    await went(answer, started);
  }

  // Something was given: bring cards that wait up to date, and go on.
  async function went(answer, started) {
    say(answer.said);
    $("#progress").outerHTML = answer.progress;
    const versions = new Map(answer.given.map((one) => [one.key, one.version]));
    for (const one of [...waiting.children]) {
      const group = read(one.dataset.group, []);
      if (read(one.dataset.owners, []).some(({key}) => versions.has(key))) one.remove();
      else if (group.some(({key}) => versions.has(key))) {
        const left = group.filter(({key}) => !versions.has(key));
        one.dataset.group = JSON.stringify(left);
        one.dataset.groupCount = left.length + read(one.dataset.owners, []).length;
      }
    }
    if (fields.comment.value.trim()) remember(fields.comment.value.trim());
    document.activeElement?.blur();
    if (answer.next && answer.next !== card().dataset.key) await show(answer.next);
    else await show(card().dataset.key, {fresh: true});
    if (!given++) $("#question").open = false;  // whoever has graded one knows the question
    if (started) {
      requestAnimationFrame(() => setTimeout(() => performance.measure(
        "key-to-next", {start: started, end: performance.now()})));
    }
  }

  async function empties() {
    await went(await post(url("empty"), {key: card().dataset.key}));
  }

  async function undo() {
    const answer = await post(url("undo"), {key: card().dataset.key});
    forget();
    say(answer.said);
    $("#progress").outerHTML = answer.progress;
    await show(answer.next, {fresh: true});
  }

  async function takeOut() {
    if (!read(card().dataset.group, []).length) {
      say("This answer is in no group.", "bad");
      return;
    }
    const answer = await post(url("out"), {key: card().dataset.key});
    forget();
    say(answer.said);
    await show(answer.next, {fresh: true});
  }

  async function names() {
    await post("/names", {});
    forget();
    await show(card().dataset.key, {fresh: true});
  }

  // ---- who is on which answer

  async function claim() {
    const shown = card(), {key, version} = shown.dataset;
    try {
      const answer = await post(url("open"), {key, version});
      if (shown !== card() || atWork) return;  // what is saved just now is one's own
      $("#here").textContent = answer.here;
      if (answer.stale && !isTouched()) {
        forget();
        after(() => show(key, {fresh: true}));
      } else if (answer.stale) {
        say("Somebody has graded this answer meanwhile; what you chose is kept.", "bad");
      }
    } catch (error) {
      say(error.message, "bad");
    }
  }
  setInterval(() => { if (document.visibilityState === "visible") claim(); }, 15000);

  // Whether the panel has something else than the card came with.
  function isTouched() {
    const held = read(card().dataset.given, {items: [], adjustment: 0, comment: ""});
    const now = choice();
    return String([...held.items].sort()) !== String([...now.items].sort())
      || held.comment !== now.comment || (held.adjustment || 0) !== now.adjustment;
  }

  // ---- comments that were used before

  const before = () => $("#before");
  function remember(text) {
    if ($$("#before button").some((button) => button.textContent === text)) return;
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    item.append(button);
    before().prepend(item);
  }
  function suggest() {
    const typed = fields.comment.value.trim().toLowerCase();
    const isOpen = document.activeElement === fields.comment || before().contains(document.activeElement);
    let shown = 0;
    for (const item of before().children) {
      const text = item.textContent.toLowerCase();
      item.hidden = shown >= 4 || !text.includes(typed) || text === typed;
      if (!item.hidden) shown += 1;
    }
    before().hidden = !isOpen || !shown;
  }
  const offered = () => $$("#before li:not([hidden]) button");
  function take(button) {
    fields.comment.value = button.textContent;
    fields.comment.focus();
    suggest();
  }
  fields.comment.addEventListener("focus", suggest);
  fields.comment.addEventListener("input", suggest);
  panel.addEventListener("focusout", () => setTimeout(suggest));
  before().addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) take(button);
  });
  before().addEventListener("keydown", (event) => {
    const all = offered(), at = all.indexOf(document.activeElement);
    if (event.key === "ArrowDown") all[Math.min(at + 1, all.length - 1)].focus();
    else if (event.key === "ArrowUp") (all[at - 1] ?? fields.comment).focus();
    else if (event.key === "Escape") fields.comment.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  // ---- keys

  function toggle(number) {
    const box = boxes().find((one) => one.dataset.number === number);
    if (!box) return;
    box.checked = !box.checked;
    fields.none.checked = false;
    total();
  }

  function none() {
    for (const box of boxes()) box.checked = false;
    fields.none.checked = true;
    total();
  }

  // All that adds points: from there a few keys lead to what most good answers have.
  function all() {
    for (const box of boxes()) box.checked = box.dataset.kind === "adds";
    fields.none.checked = false;
    total();
  }

  function repeat() {
    if (!last) throw new Error("Nothing has been given on this page yet.");
    for (const box of boxes()) box.checked = last.items.includes(Number(box.value));
    fields.none.checked = !last.items.length;
    fields.adjustment.value = last.adjustment || "";
    fields.comment.value = last.comment;
    total();
  }

  const KEYS = {
    Enter: (event) => give("card", event.timeStamp),
    g: (event) => give("group", event.timeStamp),
    0: none,
    f: all,
    ".": repeat,
    r: (event) => { repeat(); return give("card", event.timeStamp); },
    t: (event) => { repeat(); return give("group", event.timeStamp); },
    u: undo,
    x: takeOut,
    n: names,
    z: empties,
    j: () => show(card().dataset.next), ArrowRight: () => show(card().dataset.next),
    k: () => show(card().dataset.previous), ArrowLeft: () => show(card().dataset.previous),
    c: () => fields.comment.focus(),
    a: () => { fields.adjustment.focus(); fields.adjustment.select(); },
    q: () => flip("#question"),
    m: () => flip("#model"),
    i: () => openDialogFrom(url("items")),
    l: () => { location.href = url("answers"); },
    "?": () => openDialogFrom("/keys"),
  };

  function flip(selector) {
    const details = $(selector);
    if (details) details.open = !details.open;
  }

  // One after the other: a key that comes while another is at work belongs to what that one shows.
  let work = Promise.resolve(), atWork = 0;
  const after = (action, event) => {
    atWork++;
    work = work.then(() => action(event)).catch((error) => say(error.message, "bad"))
      .finally(() => atWork--);
  };

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    const {target, key} = event;
    if (target.matches('textarea, input:not([type="checkbox"])')) {
      if (key === "Enter" && !event.shiftKey) after(KEYS.Enter, event);
      else if (key === "Escape") target.blur();
      else if (key === "ArrowDown" && target === fields.comment && offered().length) offered()[0].focus();
      else return;
      event.preventDefault();
      return;
    }
    if (key === "Enter" && target.matches("button, a, summary")) return;
    const action = /^[1-9]$/.test(key) ? () => toggle(key) : KEYS[key];
    if (!action || (event.shiftKey && key !== "?")) return;
    event.preventDefault();
    after(action, event);
  });

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-key-press]");
    if (button) after(KEYS[button.dataset.keyPress], event);
    const choose = event.target.closest("[data-resolve]");
    if (choose) after(() => resolve(choose.dataset), event);
    const link = event.target.closest("[data-show]");
    if (link && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey)) {
      event.preventDefault();
      link.blur();  // Enter is for the card that comes
      after(() => show(link.dataset.show), event);
    }
  });

  // A conflict: take what is there now, or give one's own on top of it, having seen it.
  async function resolve({resolve: how, owners}) {
    dialog.close();
    if (how === "theirs") {
      forget();
      await show(card().dataset.key, {fresh: true});
      return;
    }
    const answer = await post(url("give"), {...choice(), owners: JSON.parse(owners), key: card().dataset.key});
    if (answer.conflict) openDialog(answer.html);
    else { last = choice(); await went(answer); }
  }

  panel.addEventListener("submit", (event) => event.preventDefault());
  panel.addEventListener("input", (event) => {
    if (event.target === fields.none && fields.none.checked) none();
    else if (event.target.name === "item") fields.none.checked = false;
    total();
  });
  dialog.addEventListener("close", () => { if ($("#dialog-body [data-changed]")) { forget(); reloadItems(); show(card().dataset.key, {fresh: true}); } });

  typesetting.set(card(), typeset(card()));
  arrived();
})();
